// What kind of model a GGUF file holds, in the words of Hugging Face's config.json.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>

#include "polyformer/model/gguf/gguf_file.h"

namespace polyformer::model {

/// The tensor with what the frequencies of rotary positions are divided by, where they are scaled as LLaMA 3.1's.
inline constexpr const char* kRotaryFactors = "rope_freqs.weight";

/// How many heads attention has.
struct GgufHeads {
    std::size_t query = 0;
    std::size_t key = 0;  ///< and values
};

/// Throws FormatError for another architecture than LLaMA's, and when the keys are missing or out of range.
GgufHeads gguf_heads(const GgufFile& file);

/// An object as config.json holds it for LlamaForCausalLM: sizes, rotary positions, tied embeddings where the file has
/// no "output.weight". Throws FormatError naming the key that is missing or out of range, and whatever the metadata ask
/// for that such a config cannot say: experts, positions that turn part of a head, unknown scalings, a file in parts.
nlohmann::json gguf_config(const GgufFile& file);

}  // namespace polyformer::model
