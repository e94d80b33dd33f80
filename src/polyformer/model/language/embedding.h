// The client's part of a language model, beside its tokenizer: what a token at a place is as numbers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/interpreter/interpreter.h"

namespace polyformer::model {

/// LayerNorm of the sum, in the clear: (x − mean) / √(variance + epsilon) · gamma + beta over a token's features.
struct EmbeddingNorm {
    std::vector<float> gamma;  ///< (width)
    std::vector<float> beta;   ///< (width)
    float epsilon = 0;
};

/// Token and position embeddings. Where a checkpoint has types of tokens and a text is of one type, that type's row
/// belongs into every position's; a table of positions that begins at an offset (RoBERTa's at 2) is stored without the
/// rows before it.
struct Embedding {
    Matrix tokens;     ///< (vocabulary, width)
    Matrix positions;  ///< (context, width), or empty: the model has other means to tell places apart
    std::optional<EmbeddingNorm> norm = {};

    /// How many tokens a text may have as far as the embedding is concerned.
    std::size_t places() const;

    /// tokens[ids[t]] + positions[t], normalised where there is a norm: (T, width). Throws Error when T is 0 or above
    /// places(), or an id is unknown.
    Tensor embed(std::span<const std::int32_t> ids) const;
};

/// Writes embedding.safetensors into `directory` (created when missing), atomically. Throws Error for tables that do
/// not fit each other, IoError when the file cannot be written.
void save_embedding(const Embedding& embedding, const std::filesystem::path& directory);
/// Reads it. Throws IoError when there is none, FormatError naming the file when it is damaged, holds something else or
/// is not the folder's own.
Embedding load_embedding(const std::filesystem::path& directory);

}  // namespace polyformer::model
