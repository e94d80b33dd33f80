// What comes before gradient descent: the vocabulary and the texts as tokens, or the images as pixels.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "polyformer/train/configuration/config.h"

namespace polyformer::train {

/// What `data` holds, by source_digests(), in `work`. For a vision model train.images, valid.images and, when there are
/// test images, test.images: see prepare_images(). Else tokenizer.model (learned from the training text) with
/// tokenizer.json (what it was learned from), train.ids, valid.ids and, when there is a test text, test.ids. Each is
/// made unless it is there already, and anew when it is damaged or anything that decides its content has changed since;
/// but never a vocabulary that a stage in `work` was trained with. Writes config.json, every value spelled out. Throws
/// Error when `work` holds such a stage, or a tokenizer of unknown origin; IoError when the training or validation text
/// is missing; Interrupted.
void prepare(const Config& config, const std::filesystem::path& data, const nlohmann::ordered_json& digests,
             const std::filesystem::path& work, bool quiet);
void prepare(const Config& config, const std::filesystem::path& data, const std::filesystem::path& work, bool quiet);

}  // namespace polyformer::train
