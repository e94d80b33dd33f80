// What comes before gradient descent: the vocabulary and the texts as tokens, or the images as pixels.
#pragma once

#include <filesystem>

#include "polyformer/train/configuration/config.h"

namespace polyformer::train {

/// For a vision model train.images, valid.images and, when `data` has test images, test.images: see prepare_images().
/// Else makes in `work`, each unless it is there already: config.json (every value spelled out), tokenizer.model
/// (learned from the training text), train.ids, valid.ids and, when `data` has a test text, test.ids. Tokens are made
/// anew when their file is damaged, or the text's size or the tokenizer has changed since. Throws Error when `work`
/// belongs to another vocabulary, IoError when the training or validation text is missing.
void prepare(const Config& config, const std::filesystem::path& data, const std::filesystem::path& work, bool quiet);

}  // namespace polyformer::train
