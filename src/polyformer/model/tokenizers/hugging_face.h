// A tokenizer as Hugging Face's library writes it, tokenizer.json: text to ids to the letter of that library's version
// 0.23 (scripts/compare-tokenizer).
//
//     tokens in the text → normaliser → more tokens → words → pieces → special tokens around them
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "polyformer/model/tokenizers/added_tokens.h"
#include "polyformer/model/tokenizers/byte_pairs.h"
#include "polyformer/model/tokenizers/decoder.h"
#include "polyformer/model/tokenizers/special_tokens.h"
#include "polyformer/model/tokenizers/word_pieces.h"
#include "polyformer/model/tokenizers/words/normalizer.h"
#include "polyformer/model/tokenizers/words/pre_tokenizer.h"

namespace polyformer::model {

/// All steps from a text to ids, as one file describes them.
class HuggingFaceTokenizer {
  public:
    /// From the text of a tokenizer.json. Throws FormatError naming `label`, the place, and what is asked for that is
    /// not supported or does not fit.
    HuggingFaceTokenizer(std::string_view json, const std::string& label);

    /// Without special tokens around it. Throws Error for what is no UTF-8.
    std::vector<std::int32_t> encode(std::string_view text) const;
    const SpecialTokens& special_tokens() const { return special_; }
    /// What the file's own truncation keeps, special tokens included; 0: everything.
    std::size_t most_tokens() const { return most_tokens_; }
    /// Whether what a text has too many of is cut from its beginning.
    bool cuts_beginning() const { return cuts_beginning_; }

    /// One more than the highest id.
    std::size_t vocabulary() const { return size_; }
    std::optional<std::int32_t> find(std::string_view token) const;
    bool is_special(std::int32_t id) const;
    /// As text for readers, with a space before what begins a word; "#7" for an id that has no piece. The id is in the
    /// vocabulary.
    std::string piece(std::int32_t id) const;
    /// The text that the file's decoder makes of the pieces, special tokens left out; without one, what piece() gives
    /// in a row.
    std::string decode(std::span<const std::int32_t> ids) const;

  private:
    using Model = std::variant<WordLevel, WordPiece, BytePairs>;

    explicit HuggingFaceTokenizer(const nlohmann::json& document, const std::string& label);

    const Vocabulary& vocabulary_of_model() const;
    /// As the vocabulary or the list of added tokens has it; empty where neither does.
    const std::string& spelling_of(std::int32_t id) const;
    void encode_part(std::string_view text, bool begins, std::vector<std::int32_t>& ids) const;

    Model model_;
    Normalizer normalizer_;
    PreTokenizer pre_tokenizer_;
    AddedTokens added_;
    SpecialTokens special_;
    Decoder decoder_;
    std::size_t most_tokens_ = 0;
    bool cuts_beginning_ = false;
    std::size_t size_ = 0;
};

}  // namespace polyformer::model
