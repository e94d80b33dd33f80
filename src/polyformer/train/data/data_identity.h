// What tells one prepared training set from another, for recipes. Knows no tokenizer: the trainer reads it, too.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "polyformer/train/configuration/config.h"

namespace polyformer::train {

/// What recipes say of what prepare() left in `folder`: the digests of the sources of training and validation set, how
/// the vocabulary was learned and its digest, "tokens" and words of the text; or classes and number of "images".
nlohmann::ordered_json data_identity(const std::filesystem::path& folder, const Config& config);

/// The digest of the source of the test set in `folder`; empty when there is none.
std::string test_identity(const std::filesystem::path& folder, const Config& config);

}  // namespace polyformer::train
