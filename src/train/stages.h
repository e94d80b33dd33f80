// The three stages on a prepared folder (see commands.h): what the program polyformer-train runs.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>

namespace polyformer::train {

struct StagesOptions {
    std::filesystem::path work;
    std::size_t threads = 1;
    bool quiet = false;
    std::optional<std::size_t> stop_after = std::nullopt;  ///< steps, then a checkpoint as after Ctrl-C
};

/// Each returns whether the stage is complete, and throws Error.
bool train_stage(const StagesOptions& options);
bool tune_stage(const StagesOptions& options);
/// Writes the model directory once complete.
bool convert_stage(const StagesOptions& options, const std::filesystem::path& model);

}  // namespace polyformer::train
