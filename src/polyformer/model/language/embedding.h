// The client's part of a language model, beside its tokenizer: what a token at a place is as numbers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/interpreter/interpreter.h"

namespace polyformer::model {

/// Token and position embeddings.
struct Embedding {
    Matrix tokens;     ///< (vocabulary, width)
    Matrix positions;  ///< (context, width)

    /// tokens[ids[t]] + positions[t]: (T, width). Throws Error when T is 0 or above the context, or an id is unknown.
    Tensor embed(std::span<const std::int32_t> ids) const;
};

/// Writes embedding.safetensors into `directory` (created when missing), atomically. Throws Error for tables that do
/// not fit each other, IoError when the file cannot be written.
void save_embedding(const Embedding& embedding, const std::filesystem::path& directory);
/// Reads it. Throws IoError when there is none, FormatError naming the file when it is damaged, holds something else or
/// is not the folder's own.
Embedding load_embedding(const std::filesystem::path& directory);

}  // namespace polyformer::model
