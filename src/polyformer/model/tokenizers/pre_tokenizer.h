// Text to words, as the "pre_tokenizer" of a tokenizer.json says: what the vocabulary's model then takes apart one by
// one.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace polyformer::model {

/// A regular expression.
class Pattern;

/// Steps in their order, each taking apart what the one before left; none: the text is one word.
class PreTokenizer {
  public:
    PreTokenizer() = default;
    /// `document` is null, or what a tokenizer.json has under "pre_tokenizer": BertPreTokenizer, WhitespaceSplit,
    /// Digits, Split, ByteLevel, or a Sequence of them. Throws FormatError naming `place` and what is asked for beyond
    /// that.
    PreTokenizer(const nlohmann::json& document, const std::string& place);

    /// None of the words is empty. Throws Error when a regular expression takes too long.
    std::vector<std::string> apply(std::string_view utf8) const;

    /// Whether each character is a word by itself, so that words go together without spaces.
    bool splits_characters() const;
    /// Whether words are bytes, each spelt as a character (byte_characters()).
    bool spells_bytes() const;

    /// What becomes of the separators that a pattern finds.
    enum class Behaviour { removed, isolated, merged_with_previous, merged_with_next, contiguous };

  private:
    struct Bert {};
    struct WhiteSpace {};
    struct Split {
        std::shared_ptr<const Pattern> pattern;  ///< null: each character is a separator
        Behaviour behaviour = Behaviour::isolated;
        bool invert = false;  ///< what the pattern does not find are the separators
    };
    struct Digits {
        bool single = false;  ///< each number a word by itself
    };
    struct ByteLevel {
        bool add_prefix_space = true;
        bool use_pattern = true;  ///< GPT-2's, for words with their space before them
    };
    using Step = std::variant<Bert, WhiteSpace, Digits, Split, ByteLevel>;

    void read(const nlohmann::json& document, const std::string& place);
    static Split read_split(const nlohmann::json& document, const std::string& place);

    std::vector<Step> steps_;
};

/// The character that ByteLevel writes for a byte: itself where it is visible, else one of those from U+0100 on.
char32_t byte_character(unsigned char byte);
/// The bytes that a piece of such characters spells; other characters are themselves.
std::string spelt_bytes(std::string_view piece);

}  // namespace polyformer::model
