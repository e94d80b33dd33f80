// Text to words, as the "pre_tokenizer" of a tokenizer.json says: what the vocabulary's model then takes apart one by
// one.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "polyformer/model/tokenizers/words/pattern.h"
#include "polyformer/model/tokenizers/words/word_splits.h"

namespace polyformer::model {

/// Steps in their order, each taking apart what the one before left; none: the text is one word.
class PreTokenizer {
  public:
    PreTokenizer() = default;
    /// `document` is null, or what a tokenizer.json has under "pre_tokenizer": BertPreTokenizer, ByteLevel, Digits,
    /// Metaspace, Punctuation, Split, Whitespace, WhitespaceSplit, or a Sequence of them. Throws FormatError naming
    /// `place` and what is asked for beyond that.
    PreTokenizer(const nlohmann::json& document, const std::string& place);

    /// `begins`: the text is the beginning of what somebody wrote, not what follows a token that was found in it. None
    /// of the words is empty. Throws Error when a regular expression takes too long.
    std::vector<std::string> apply(std::string_view utf8, bool begins) const;

    /// Whether each character is a word by itself, so that words go together without spaces.
    bool splits_characters() const;
    /// Whether words are bytes, each spelt as a character (byte_character()).
    bool spells_bytes() const;

  private:
    enum class Simple { bert, white_space, word_ends };
    struct Digits {
        bool single = false;  ///< each number a word by itself
    };
    struct Punctuation {
        SplitBehaviour behaviour = SplitBehaviour::isolated;
    };
    struct Split {
        std::shared_ptr<const Pattern> pattern;  ///< null: each character is a separator
        SplitBehaviour behaviour = SplitBehaviour::isolated;
        bool invert = false;  ///< what the pattern does not find are the separators
    };
    struct ByteLevel {
        bool add_prefix_space = true;
        bool use_pattern = true;  ///< GPT-2's, for words with their space before them
    };
    /// A sign for spaces, which words begin with.
    struct Metaspace {
        enum class Prepend { always, first, never };
        char32_t sign = U'\u2581';
        Prepend prepend = Prepend::always;  ///< to what does not begin with it
        bool split = true;
    };
    using Step = std::variant<Simple, Digits, Punctuation, Split, ByteLevel, Metaspace>;
    using Words = std::vector<std::u32string>;

    void read(const nlohmann::json& document, const std::string& place);
    static Split read_split(const nlohmann::json& document, const std::string& place);
    Metaspace read_metaspace(const nlohmann::json& document, const std::string& place) const;

    static Words applied(Simple step, const std::u32string& word, bool begins);
    static Words applied(const Digits& step, const std::u32string& word, bool begins);
    static Words applied(const Punctuation& step, const std::u32string& word, bool begins);
    static Words applied(const Split& step, const std::u32string& word, bool begins);
    static Words applied(const ByteLevel& step, const std::u32string& word, bool begins);
    static Words applied(const Metaspace& step, const std::u32string& word, bool begins);

    std::vector<Step> steps_;
};

}  // namespace polyformer::model
