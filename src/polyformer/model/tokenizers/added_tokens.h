// Tokens that are found in a text as they are, before it is taken apart: "[MASK]".
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "polyformer/model/tokenizers/word_pieces.h"
#include "polyformer/model/tokenizers/words/normalizer.h"

namespace polyformer::model {

/// One of them, as the tokenizer's file describes it.
struct AddedToken {
    std::string content;
    std::string spelling;  ///< the content, as the normaliser leaves it where `normalized`
    std::int32_t id = 0;
    bool single_word = false;  ///< not inside a word
    bool strip_left = false;   ///< takes the white space before it along
    bool strip_right = false;
    bool normalized = false;  ///< found in the normalised text rather than in the original
    bool special = false;     ///< no part of the text when that is shown
};

/// A part of a text: a token that was found, or what lies between them.
struct TextPart {
    std::string_view text;
    std::optional<std::int32_t> token;
};

/// All of a tokenizer, and the search for them.
class AddedTokens {
  public:
    /// From the list under "added_tokens". Ids are those of the vocabulary, or follow it without a gap. Throws
    /// FormatError naming `place`.
    AddedTokens(const nlohmann::json& list, const std::string& place, const Vocabulary& vocabulary,
                const Normalizer& normalizer);

    const std::vector<AddedToken>& tokens() const { return tokens_; }
    const AddedToken* find(std::int32_t id) const;
    const AddedToken* find(std::string_view content) const;

    /// Of the original text, tokens that are not `normalized`; of a normalised one, those that are. The leftmost
    /// matches, the longest of them.
    std::vector<TextPart> split(std::string_view text, bool normalized) const;

  private:
    /// The contents' bytes as a tree.
    struct Node {
        std::map<char, std::size_t> next;
        std::size_t token = 0;  ///< its index + 1
    };
    using Tree = std::vector<Node>;

    static void insert(Tree& tree, std::string_view content, std::size_t index);
    static std::pair<std::size_t, std::size_t> longest_match(const Tree& tree, std::string_view text);

    std::vector<AddedToken> tokens_;
    std::map<std::string, std::size_t, std::less<>> by_content_;
    std::map<std::int32_t, std::size_t> by_id_;
    Tree original_{1};
    Tree normalized_{1};
};

}  // namespace polyformer::model
