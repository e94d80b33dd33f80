// What `polyformer distil` does: an encoder that starts from a published one learns from it, with narrower ranges or
// with pointwise attention in softmax's place. WORK holds train.ids and valid.ids and the stage's folder, distil/.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "polyformer/train/distillation/distil_request.h"
#include "polyformer/train/process/trainer_process.h"

namespace polyformer::train {

/// A whole distillation: teacher, texts, folders.
struct DistilOptions {
    std::filesystem::path checkpoint;  ///< the teacher's folder
    std::vector<std::string> text;     ///< files, read line by line
    std::filesystem::path work;        ///< made when missing; an unfinished run there is resumed
    std::filesystem::path out;         ///< the student's folder, which `polyformer import` takes
    DistilSettings settings;
    TrainerOptions trainer;
};

/// The results: "settings", "updates", "seconds", "held_out" ({"loss", "cosine"} before and after), "sites" with the
/// ranges before and after. Nothing when SIGINT, SIGTERM or SIGHUP came: the same call goes on. Throws, before anything
/// is prepared, Error for a checkpoint that is no encoder of texts with an embedding, for a context beyond its
/// positions, an `out` that is there, a missing trainer; else what read_checkpoint() and run_trainer() do.
std::optional<nlohmann::ordered_json> run_distil(const DistilOptions& options);

}  // namespace polyformer::train
