// Text to token ids and back, by a SentencePiece model: the client's part of a language model, beside its embedding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace polyformer::model {

/// Text to token ids and back (SentencePiece). Copyable handle.
class Tokenizer {
  public:
    /// Throws FormatError when `file` is not a SentencePiece model, or there is a manifest beside it that lists
    /// another.
    explicit Tokenizer(const std::filesystem::path& file);
    std::vector<std::int32_t> encode(const std::string& text) const;
    std::string decode(std::span<const std::int32_t> ids) const;
    /// The piece as text for readers: "▁the" gives " the".
    std::string piece(std::int32_t id) const;
    std::size_t vocabulary() const;

  private:
    class Implementation;
    std::shared_ptr<const Implementation> implementation_;
};

}  // namespace polyformer::model
