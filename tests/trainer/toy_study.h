// A text and a configuration small enough to go the whole road in seconds.
#pragma once

#include <filesystem>
#include <string>

namespace polyformer::train {

/// One layer of width 16 on a vocabulary of 300, every stage short.
std::string toy_config();

/// What prepare() would leave in `folder` for it: train.ids, valid.ids, test.ids, and a file in the tokenizer's place.
void prepare_toy_texts(const std::filesystem::path& folder);

}  // namespace polyformer::train
