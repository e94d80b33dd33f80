// What the trainer is told of a distillation, as a folder: distil.json says what to do, checkpoint how far it has come,
// results.json what came out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "polyformer/train/configuration/config.h"

namespace polyformer::train {

inline constexpr const char* distil_name = "distil";

/// How the student's scores become weights; all but softmax are pointwise.
inline constexpr std::array student_attentions = {"softmax", "sigmoid", "gelu"};

/// All that the student depends on besides its teacher and the texts.
struct DistilSettings {
    std::string attention = "softmax";
    std::size_t context = 32;  ///< most tokens of a text, special ones included
    std::size_t updates = 2000;
    std::size_t batch = 32;  ///< texts an update
    double learning_rate = 1e-4;
    double range_weight = 1e-4;  ///< α and β of loss + α·range + β·variance, as in Schedule
    double variance_weight = 1e-2;
    double scores = 10;  ///< intervals as in TargetRanges
    double hidden = 6;
    double variance_ratio = 8;
    std::uint64_t seed = 1;
};

nlohmann::ordered_json to_json(const DistilSettings& settings);

/// The schedule of so many updates over texts of which an epoch takes `steps_per_epoch`.
Schedule schedule_of(const DistilSettings& settings, std::size_t steps_per_epoch);

/// What distil.json holds.
struct DistilRequest {
    DistilSettings settings;
    std::filesystem::path teacher;   ///< a checkpoint's folder
    std::filesystem::path prepared;  ///< folder of train.ids and valid.ids (encoder_rows.h)
    std::filesystem::path out;       ///< where the student goes
    nlohmann::ordered_json recipe;   ///< settings, and digests of the teacher and the texts
};

void save_request(const DistilRequest& request, const std::filesystem::path& folder);
/// Throws IoError, or FormatError naming the file and the key.
DistilRequest load_distil_request(const std::filesystem::path& folder);
/// Whether a folder holds one.
bool is_distillation(const std::filesystem::path& folder);

}  // namespace polyformer::train
