// A model directory: graph.json + weights.safetensors (the server's part), embedding.safetensors + tokenizer.model (the
// client's part), metadata.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/interpreter/interpreter.h"

namespace polyformer::model {

/// Token and position embeddings: the client's part of the model.
struct Embedding {
    Matrix tokens;     ///< (vocabulary, width)
    Matrix positions;  ///< (context, width)

    /// tokens[ids[t]] + positions[t]: (T, width). Throws Error when T is 0 or above the context, or an id is unknown.
    Tensor embed(std::span<const std::int32_t> ids) const;
};

/// Text to token ids and back (SentencePiece). Copyable handle.
class Tokenizer {
  public:
    /// Throws FormatError when `file` is not a SentencePiece model.
    explicit Tokenizer(const std::filesystem::path& file);
    std::vector<std::int32_t> encode(const std::string& text) const;
    std::string decode(std::span<const std::int32_t> ids) const;
    /// The piece as a reader wants it: "▁the" gives " the".
    std::string piece(std::int32_t id) const;
    std::size_t vocabulary() const;

  private:
    class Implementation;
    std::shared_ptr<const Implementation> implementation_;
};

/// Writes graph.json and weights.safetensors into `directory` (created when missing), each atomically. Validates first.
void save_graph(const Graph& graph, const std::filesystem::path& directory);
/// Reads and validates them. Every count and size is checked against the file before anything is allocated; throws
/// FormatError naming file, place, what was expected and what was found.
Graph load_graph(const std::filesystem::path& directory);

void save_embedding(const Embedding& embedding, const std::filesystem::path& directory);
Embedding load_embedding(const std::filesystem::path& directory);

}  // namespace polyformer::model
