// Words to tokens by a list of pieces: whole words alone (WordLevel), or the longest pieces that make up a word
// (WordPiece).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace polyformer::model {

/// Pieces and their ids. An id may have no piece.
class Vocabulary {
  public:
    /// From an object of pieces with their ids. Throws FormatError naming `place` for ids that are none, given twice or
    /// beyond what a model may have, for pieces that are no UTF-8, and when there are none.
    Vocabulary(const nlohmann::json& object, const std::string& place);

    std::optional<std::int32_t> find(std::string_view piece) const;
    /// Empty where there is none.
    const std::string& piece(std::int32_t id) const { return pieces_.at(static_cast<std::size_t>(id)); }
    /// One more than the highest id.
    std::size_t size() const { return pieces_.size(); }
    /// How many pieces there are: fewer where ids have none.
    std::size_t pieces() const { return ids_.size(); }
    /// Bytes of the longest.
    std::size_t longest() const { return longest_; }

  private:
    std::map<std::string, std::int32_t, std::less<>> ids_;
    std::vector<std::string> pieces_;
    std::size_t longest_ = 0;
};

/// The id of the piece for what has no other. Throws FormatError naming `place` when it is not in the vocabulary.
std::int32_t unknown_id(const Vocabulary& vocabulary, const std::string& piece, const std::string& place);

/// A word is a token, or unknown.
class WordLevel {
  public:
    /// From what a tokenizer.json has under "model". Throws FormatError.
    WordLevel(const nlohmann::json& document, const std::string& place);
    const Vocabulary& vocabulary() const { return vocabulary_; }
    void encode(std::string_view word, std::vector<std::int32_t>& ids) const;

  private:
    Vocabulary vocabulary_;
    std::int32_t unknown_;
};

/// From the word's beginning on, the longest piece that fits, and so on; unknown as a whole where none does.
class WordPiece {
  public:
    /// From what a tokenizer.json has under "model". Throws FormatError.
    WordPiece(const nlohmann::json& document, const std::string& place);
    const Vocabulary& vocabulary() const { return vocabulary_; }
    /// What a piece begins with that does not begin a word: "##".
    const std::string& prefix() const { return prefix_; }
    void encode(std::string_view word, std::vector<std::int32_t>& ids) const;

  private:
    Vocabulary vocabulary_;
    std::string prefix_;
    std::size_t longest_word_;  ///< characters; longer ones are unknown
    std::int32_t unknown_;
};

}  // namespace polyformer::model
