#include "polyformer/model/tokenizers/words/pattern.h"

#include <unicode/regex.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <utility>

#include "polyformer/model/tokenizers/words/characters.h"
#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/text.h"

namespace polyformer::model {

namespace {

constexpr std::size_t kMaxPattern = 4096;     // bytes
constexpr int32_t kMaxRegexTime = 300;        // steps of ICU's, of some milliseconds each
constexpr int32_t kMaxRegexStack = 16 << 20;  // bytes

bool is_large(char32_t character) {
    return character > 0xffff;
}

/// What ICU gets to see: where its version of Unicode has another opinion on what is a letter or a number, a character
/// on which all versions agree, of as many UTF-16 units.
char32_t stand_in(char32_t character) {
    if (character < 0x80) return character;
    const auto mask = U_GET_GC_MASK(static_cast<UChar32>(character));
    const bool letter = is_letter(character);
    const bool number = is_number(character);
    if (letter == ((mask & U_GC_L_MASK) != 0) && number == ((mask & U_GC_N_MASK) != 0)) return character;
    if (letter) return is_large(character) ? 0x10300 : 0x1bb;
    if (number) return is_large(character) ? 0x104a0 : 0x660;
    return is_large(character) ? 0xe0080 : 0x378;  // unassigned
}

icu::UnicodeString subject_of(std::u32string_view text) {
    icu::UnicodeString subject;
    for (const char32_t character : text) subject.append(static_cast<UChar32>(stand_in(character)));
    return subject;
}

}  // namespace

class Pattern::Expression {
  public:
    Expression(const std::string& pattern, const std::string& place) {
        UErrorCode error = U_ZERO_ERROR;
        UParseError where{};
        compiled_.reset(icu::RegexPattern::compile(icu::UnicodeString::fromUTF8(pattern), 0, where, error));
        require<FormatError>(U_SUCCESS(error) && compiled_ != nullptr,
                             "{}: '{}' is no regular expression that ICU takes ({})", place, printable(pattern),
                             u_errorName(error));
        // Of such a pattern, libraries differ in where they find nothing.
        const icu::UnicodeString nothing;
        const std::unique_ptr<icu::RegexMatcher> matcher(compiled_->matcher(nothing, error));
        require<FormatError>(U_SUCCESS(error) && matcher->matches(error) == 0,
                             "{}: '{}' matches an empty text as well, which is not supported", place,
                             printable(pattern));
    }

    /// Beginnings and ends in UTF-16 units.
    std::vector<std::pair<int32_t, int32_t>> matches_in(std::u32string_view text) const {
        const icu::UnicodeString subject = subject_of(text);
        UErrorCode error = U_ZERO_ERROR;
        const std::unique_ptr<icu::RegexMatcher> matcher(compiled_->matcher(subject, error));
        if (U_SUCCESS(error)) {
            matcher->setTimeLimit(kMaxRegexTime, error);
            matcher->setStackLimit(kMaxRegexStack, error);
        }
        std::vector<std::pair<int32_t, int32_t>> matches;
        while (U_SUCCESS(error) && matcher->find(error)) {
            matches.emplace_back(matcher->start(error), matcher->end(error));
        }
        require(U_SUCCESS(error),
                "the tokenizer's pattern cannot be matched with a text of {} characters ({}): shorten it", text.size(),
                u_errorName(error));
        return matches;
    }

  private:
    std::unique_ptr<const icu::RegexPattern> compiled_;
};

Pattern::Pattern(const nlohmann::json& document, const std::string& place) {
    Fields fields(document, place);
    const bool is_literal = fields.find("String") != nullptr;
    const std::string text = fields.text(is_literal ? "String" : "Regex");
    fields.finish();
    require<FormatError>(!text.empty() && text.size() <= kMaxPattern && is_utf8(text),
                         "{}: the pattern has {} bytes, but must be 1 to {} of UTF-8", place, text.size(), kMaxPattern);
    if (is_literal) {
        literal_ = code_points(text);
    } else {
        expression_ = std::make_unique<const Expression>(text, place);
    }
}

Pattern::~Pattern() = default;
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;

std::vector<PatternPart> Pattern::parts_of(std::u32string_view text) const {
    std::vector<PatternPart> parts;
    std::size_t done = 0;
    const auto add = [&](std::size_t begin, std::size_t end) {
        if (begin > done) parts.push_back({std::u32string(text.substr(done, begin - done)), false});
        parts.push_back({std::u32string(text.substr(begin, end - begin)), true});
        done = end;
    };
    if (expression_ == nullptr) {
        for (std::size_t at = text.find(literal_); at != std::u32string_view::npos; at = text.find(literal_, done)) {
            add(at, at + literal_.size());
        }
    } else {
        int32_t unit = 0;
        std::size_t place = 0;
        const auto place_of = [&](int32_t wanted) {
            for (; unit < wanted; ++place) unit += is_large(text[place]) ? 2 : 1;
            return place;
        };
        for (const auto& [begin, end] : expression_->matches_in(text)) {
            const std::size_t first = place_of(begin);
            add(first, place_of(end));
        }
    }
    if (done < text.size()) parts.push_back({std::u32string(text.substr(done)), false});
    return parts;
}

std::u32string Pattern::replaced(std::u32string_view text, std::u32string_view content) const {
    std::u32string result;
    for (const PatternPart& part : parts_of(text)) result += part.found ? content : std::u32string_view(part.text);
    return result;
}

}  // namespace polyformer::model
