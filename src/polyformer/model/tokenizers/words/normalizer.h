// What a tokenizer does to a text before it looks for words: the "normalizer" of a tokenizer.json.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "polyformer/model/tokenizers/words/characters.h"
#include "polyformer/model/tokenizers/words/pattern.h"

namespace polyformer::model {

/// Steps in their order; none: the text stays.
class Normalizer {
  public:
    Normalizer() = default;
    /// `document` is null, or what a tokenizer.json has under "normalizer": BertNormalizer, Lowercase, NFC, NFD, NFKC,
    /// NFKD, Prepend, Replace, Strip, or a Sequence of them. Throws FormatError naming `place` and what is asked for
    /// beyond that.
    Normalizer(const nlohmann::json& document, const std::string& place);

    /// Throws Error when a regular expression takes too long.
    std::u32string apply(std::u32string_view text) const;
    /// The same of UTF-8. Throws Error for anything else.
    std::string apply(std::string_view utf8) const;

  private:
    enum class Simple { clean, chinese, strip_accents, lowercase };
    struct Prepend {
        std::u32string text;  ///< before what is not empty
    };
    struct Replace {
        std::shared_ptr<const Pattern> pattern;
        std::u32string content;
    };
    struct Strip {
        bool left = true;
        bool right = true;
    };
    using Step = std::variant<Simple, NormalForm, Prepend, Replace, Strip>;

    void read(const nlohmann::json& document, const std::string& place);
    static std::u32string applied(Simple step, std::u32string_view text);
    static std::u32string applied(NormalForm form, std::u32string_view text);
    static std::u32string applied(const Prepend& step, std::u32string_view text);
    static std::u32string applied(const Replace& step, std::u32string_view text);
    static std::u32string applied(const Strip& step, std::u32string_view text);

    std::vector<Step> steps_;
};

}  // namespace polyformer::model
