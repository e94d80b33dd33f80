// What a tokenizer does to a text before it looks for words: the "normalizer" of a tokenizer.json.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace polyformer::model {

/// Steps in their order; none: the text stays.
class Normalizer {
  public:
    Normalizer() = default;
    /// `document` is null, or what a tokenizer.json has under "normalizer": BertNormalizer, Lowercase, NFC, NFD, NFKC,
    /// NFKD, or a Sequence of them. Throws FormatError naming `place` and what is asked for beyond that.
    Normalizer(const nlohmann::json& document, const std::string& place);

    std::u32string apply(std::u32string_view text) const;
    /// The same of UTF-8. Throws Error for anything else.
    std::string apply(std::string_view utf8) const;

  private:
    enum class Step { clean, chinese, nfc, nfd, nfkc, nfkd, strip_accents, lowercase };

    void read(const nlohmann::json& document, const std::string& place);
    static std::u32string apply(Step step, std::u32string_view text);

    std::vector<Step> steps_;
};

}  // namespace polyformer::model
