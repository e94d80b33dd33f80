// Text to token ids and back: the client's part of a language model, beside its embedding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace polyformer::model {

/// A text as a model takes it.
struct EncodedText {
    std::vector<std::int32_t> ids;
    std::size_t left_out = 0;  ///< tokens that did not fit
    std::size_t before = 0;    ///< of the ids, special ones around the text
    std::size_t after = 0;
};

/// What a model's folder keeps of a checkpoint's tokenizer: the text of a tokenizer.json. `file` is one, or becomes
/// one: a vocab.txt by the tokenizer_config.json beside it (vocabulary_file.h), a GGUF file (gguf_tokenizer.h). Throws
/// FormatError when it is damaged or asks for what is not supported, IoError when it cannot be read.
std::string tokenizer_json(const std::filesystem::path& file);

/// Text to token ids and back, by a SentencePiece model (tokenizer.model) or as Hugging Face's tokenizers do
/// (tokenizer.json: WordPiece, WordLevel, byte-level BPE). Copyable handle.
class Tokenizer {
  public:
    /// A file in ".json" or ".txt", or GGUF, is as Hugging Face's (tokenizer_json()). Throws FormatError when `file`
    /// is not what it should be, or there is a manifest beside it that lists another.
    explicit Tokenizer(const std::filesystem::path& file);

    /// All of the text, nothing around it. Throws Error for what is no text.
    std::vector<std::int32_t> encode(const std::string& text) const;
    /// With the special tokens that the tokenizer puts around a text (SentencePiece: none), and of the text what fits
    /// into `most_tokens` with them: its beginning, unless the tokenizer says otherwise. Throws Error also when there
    /// is no room for any of it.
    EncodedText encode_whole(const std::string& text, std::size_t most_tokens) const;
    std::string decode(std::span<const std::int32_t> ids) const;
    /// The piece as text for readers: "▁the" gives " the", "##ing" gives "ing".
    std::string piece(std::int32_t id) const;
    /// Whether an id is of no part of a text, as [CLS] is.
    bool is_special(std::int32_t id) const;
    /// The id of a piece as the tokenizer's file spells it: "[MASK]".
    std::optional<std::int32_t> find(std::string_view piece) const;
    std::size_t vocabulary() const;
    /// How many tokens the tokenizer's file cuts a text to, special ones included; 0: it does not say.
    std::size_t most_tokens() const;

  private:
    class Implementation;
    std::shared_ptr<const Implementation> implementation_;
};

}  // namespace polyformer::model
