// Carries out the stage that a folder describes (see stage_request.h): what the program polyformer-train runs.
#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

#include "polyformer/trainer/descent/stage.h"

namespace polyformer::train {

struct StagesOptions {
    std::filesystem::path folder;
    std::size_t threads = 1;
    torch::Device device = torch::kCPU;
    Precision precision = Precision::float32;
    bool quiet = false;
    std::optional<std::size_t> stop_after = std::nullopt;  ///< updates, then a checkpoint as after Ctrl-C
};

/// Does what is still missing of the stage: descent or substitution, what is to be measured, the model directory.
/// Returns whether the stage is complete: not when an InterruptionGuard's signal came. A divergence is noted in
/// results.json before its DivergenceError is thrown on; a folder with such a note throws it again at once. Throws
/// Error, for one when the prepared data, the stage before or the results are of another recipe; IoError when another
/// process works in the folder.
bool carry_out(const StagesOptions& options);

/// "cpu", "cuda" or "cuda:N", "auto" for CUDA where there is any. Throws Error when this machine or this LibTorch lacks
/// it.
torch::Device parse_device(const std::string& name);

}  // namespace polyformer::train
