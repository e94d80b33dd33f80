// A text of invented sentences and a configuration that goes the whole road over it in seconds, tokenizer included.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

namespace polyformer::train {

/// One layer of width 16, a vocabulary of 300, every stage short.
nlohmann::ordered_json small_config();

/// wiki.{train,valid,test}.tokens in `folder`.
void write_small_texts(const std::filesystem::path& folder);

}  // namespace polyformer::train
