// What tells one prepared training set from another, for recipes.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "polyformer/train/configuration/config.h"

namespace polyformer::train {

/// Of what prepare() left in `folder`: tokenizer, "tokens" and words of the text; or classes, digest and number of
/// "images".
nlohmann::ordered_json data_identity(const std::filesystem::path& folder, const Config& config);

}  // namespace polyformer::train
