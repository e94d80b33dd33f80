// What comes before gradient descent: the vocabulary, and the texts as tokens.
#pragma once

#include <filesystem>

#include "train/config.h"

namespace polyformer::train {

/// Makes in `work`, each unless it is there already: config.json (every value spelled out), tokenizer.model (learned
/// from the training text), train.ids and valid.ids (made anew when the text's size has changed). Throws Error when
/// `work` belongs to another vocabulary, IoError when a text is missing.
void prepare(const Config& config, const std::filesystem::path& data, const std::filesystem::path& work, bool quiet);

}  // namespace polyformer::train
