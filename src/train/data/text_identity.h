// What tells one prepared training text from another, for recipes.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "train/config.h"

namespace polyformer::train {

/// Tokenizer, tokens and words of the text that prepare() left in `folder`.
nlohmann::ordered_json text_identity(const std::filesystem::path& folder, const TokenizerConfig& tokenizer);

}  // namespace polyformer::train
