#include "polyformer/model/tokenizers/pre_tokenizer.h"

#include <unicode/regex.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "polyformer/model/tokenizers/characters.h"
#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/text.h"

namespace polyformer::model {

namespace {

constexpr std::size_t kMaxSteps = 16;
constexpr std::size_t kMaxPattern = 4096;     // bytes
constexpr int32_t kMaxRegexTime = 300;        // steps of ICU's, of some milliseconds each
constexpr int32_t kMaxRegexStack = 16 << 20;  // bytes

icu::UnicodeString to_utf16(std::u32string_view text) {
    return icu::UnicodeString::fromUTF32(reinterpret_cast<const UChar32*>(text.data()),
                                         static_cast<int32_t>(text.size()));
}

/// A part of a text, and whether it is a separator.
struct Part {
    std::u32string text;
    bool separator = false;
};

std::vector<Part> characters_of(std::u32string_view text) {
    std::vector<Part> parts;
    for (const char32_t character : text) parts.push_back({std::u32string(1, character), true});
    return parts;
}

std::vector<std::u32string> arranged(const std::vector<Part>& parts, PreTokenizer::Behaviour behaviour) {
    using enum PreTokenizer::Behaviour;
    std::vector<std::u32string> words;
    std::optional<bool> before;  // whether the part before was a separator
    for (const Part& part : parts) {
        const bool joins = before && ((behaviour == merged_with_previous && part.separator && !*before) ||
                                      (behaviour == merged_with_next && !part.separator && *before) ||
                                      (behaviour == contiguous && part.separator == *before));
        if (joins) {
            words.back() += part.text;
        } else if (behaviour != removed || !part.separator) {
            words.push_back(part.text);
        }
        before = part.separator;
    }
    std::erase_if(words, [](const std::u32string& word) { return word.empty(); });
    return words;
}

std::vector<std::u32string> split_at_white_space(std::u32string_view text) {
    std::vector<std::u32string> words;
    bool inside = false;
    for (const char32_t character : text) {
        if (is_white_space(character)) {
            inside = false;
            continue;
        }
        if (!inside) words.emplace_back();
        inside = true;
        words.back().push_back(character);
    }
    return words;
}

std::vector<std::u32string> split_as_bert(std::u32string_view text) {
    std::vector<std::u32string> words;
    for (const std::u32string& word : split_at_white_space(text)) {
        bool joins = false;
        for (const char32_t character : word) {
            const bool alone = is_punctuation(character);
            if (alone || !joins) words.emplace_back();
            words.back().push_back(character);
            joins = !alone;
        }
    }
    return words;
}

std::vector<std::u32string> split_at_numbers(std::u32string_view text, bool single) {
    std::vector<Part> parts;
    for (const char32_t character : text) parts.push_back({std::u32string(1, character), is_number(character)});
    std::vector<Part> runs;
    for (const Part& part : parts) {
        const bool joins = !runs.empty() && runs.back().separator == part.separator && !(single && part.separator);
        if (joins) {
            runs.back().text += part.text;
        } else {
            runs.push_back(part);
        }
    }
    return arranged(runs, PreTokenizer::Behaviour::isolated);
}

/// Letters, numbers, white space or the rest, as GPT-2's pattern tells them apart.
enum class Class { letter, number, space, other };

Class class_of(char32_t character) {
    if (is_white_space(character)) return Class::space;
    if (is_letter(character)) return Class::letter;
    return is_number(character) ? Class::number : Class::other;
}

/// How much of the text's beginning GPT-2's pattern takes:
/// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
std::size_t first_word(std::u32string_view text) {
    for (const std::u32string_view ending : {U"'s", U"'t", U"'re", U"'ve", U"'m", U"'ll", U"'d"}) {
        if (text.starts_with(ending)) return ending.size();
    }
    const auto run = [&](std::size_t begin, Class kind) {
        std::size_t end = begin;
        while (end < text.size() && class_of(text[end]) == kind) ++end;
        return end;
    };
    const std::size_t begin = text.front() == U' ' && text.size() > 1 ? 1 : 0;
    const Class kind = class_of(text[begin]);
    if (kind != Class::space) return run(begin, kind);
    // White space: all of it at the text's end, else all but the last, which may go with the next word.
    const std::size_t end = run(0, Class::space);
    return end == text.size() || end == 1 ? end : end - 1;
}

std::vector<std::u32string> split_as_gpt2(std::u32string_view text) {
    std::vector<std::u32string> words;
    while (!text.empty()) {
        const std::size_t length = first_word(text);
        words.emplace_back(text.substr(0, length));
        text.remove_prefix(length);
    }
    return words;
}

std::u32string spelt(std::u32string_view word) {
    std::u32string result;
    for (const char byte : to_utf8(word)) result.push_back(byte_character(static_cast<unsigned char>(byte)));
    return result;
}

}  // namespace

class Pattern {
  public:
    Pattern(const std::string& pattern, const std::string& place) {
        require<FormatError>(pattern.size() <= kMaxPattern && is_utf8(pattern),
                             "{}: the pattern has {} bytes, more than {}, or is no UTF-8", place, pattern.size(),
                             kMaxPattern);
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

    /// All of the text, cut at the matches. An empty match is an empty part.
    std::vector<Part> parts_of(std::u32string_view text) const {
        const icu::UnicodeString subject = to_utf16(text);
        UErrorCode error = U_ZERO_ERROR;
        const std::unique_ptr<icu::RegexMatcher> matcher(compiled_->matcher(subject, error));
        if (U_SUCCESS(error)) {
            matcher->setTimeLimit(kMaxRegexTime, error);
            matcher->setStackLimit(kMaxRegexStack, error);
        }
        std::vector<Part> parts;
        const auto add = [&](int32_t begin, int32_t end, bool separator) {
            std::string utf8;
            subject.tempSubStringBetween(begin, end).toUTF8String(utf8);
            parts.push_back({code_points(utf8), separator});
        };
        int32_t done = 0;
        while (U_SUCCESS(error) && matcher->find(error)) {
            const int32_t begin = matcher->start(error);
            if (begin > done) add(done, begin, false);
            done = matcher->end(error);
            add(begin, done, true);
        }
        require(U_SUCCESS(error),
                "the tokenizer's pattern cannot be matched with a text of {} characters ({}): shorten it", text.size(),
                u_errorName(error));
        if (done < subject.length()) add(done, subject.length(), false);
        return parts;
    }

  private:
    std::unique_ptr<const icu::RegexPattern> compiled_;
};

char32_t byte_character(unsigned char byte) {
    static const std::array<char32_t, 256> characters = [] {
        std::array<char32_t, 256> all{};
        char32_t next = 0x100;
        for (std::size_t i = 0; i < all.size(); ++i) {
            const bool visible = (i >= '!' && i <= '~') || (i >= 0xa1 && i <= 0xff && i != 0xad);
            all[i] = visible ? static_cast<char32_t>(i) : next++;
        }
        return all;
    }();
    return characters[byte];
}

std::string spelt_bytes(std::string_view piece) {
    static const std::map<char32_t, char> bytes = [] {
        std::map<char32_t, char> all;
        for (int i = 0; i < 256; ++i) all[byte_character(static_cast<unsigned char>(i))] = static_cast<char>(i);
        return all;
    }();
    std::string result;
    for (const char32_t character : code_points(piece)) {
        const auto found = bytes.find(character);
        if (found != bytes.end()) {
            result.push_back(found->second);
        } else {
            append_utf8(result, character);
        }
    }
    return result;
}

PreTokenizer::PreTokenizer(const nlohmann::json& document, const std::string& place) {
    if (!document.is_null()) read(document, place);
}

void PreTokenizer::read(const nlohmann::json& document, const std::string& place) {
    Fields fields(document, place);
    const std::string type = fields.text("type");
    if (type == "BertPreTokenizer") {
        steps_.emplace_back(Bert{});
    } else if (type == "WhitespaceSplit") {
        steps_.emplace_back(WhiteSpace{});
    } else if (type == "Digits") {
        Digits step;
        fields.read("individual_digits", step.single);
        steps_.emplace_back(step);
    } else if (type == "Split") {
        steps_.emplace_back(read_split(document, place));
        return;
    } else if (type == "ByteLevel") {
        ByteLevel step;
        bool trim_offsets = true;  // of no consequence: we give no offsets
        fields.read("add_prefix_space", step.add_prefix_space);
        fields.read("use_regex", step.use_pattern);
        fields.read("trim_offsets", trim_offsets);
        steps_.emplace_back(step);
    } else if (type == "Sequence") {
        std::size_t index = 0;
        for (const nlohmann::json& part : fields.array("pretokenizers", kMaxSteps)) {
            read(part, fmt::format("{}.pretokenizers[{}]", place, index++));
        }
    } else {
        fail<FormatError>(
            "{}: the pre-tokenizer '{}' is not supported: known are BertPreTokenizer, WhitespaceSplit, Digits, "
            "Split, ByteLevel and Sequence",
            place, type);
    }
    require<FormatError>(steps_.size() <= kMaxSteps, "{}: more than {} steps", place, kMaxSteps);
    fields.finish();
}

PreTokenizer::Split PreTokenizer::read_split(const nlohmann::json& document, const std::string& place) {
    static constexpr std::array<const char*, 5> behaviours = {"Removed", "Isolated", "MergedWithPrevious",
                                                              "MergedWithNext", "Contiguous"};
    Fields fields(document, place);
    fields.text("type");
    Split split;
    std::string behaviour = "Isolated";
    require<FormatError>(fields.find("behavior") != nullptr, "{}: 'behavior' is missing", place);
    fields.choose("behavior", behaviour, behaviours);
    split.behaviour = static_cast<Behaviour>(std::ranges::find(behaviours, behaviour) - behaviours.begin());
    fields.read("invert", split.invert);
    Fields pattern(fields.object("pattern"), place + ".pattern");
    const bool literal = pattern.find("String") != nullptr;
    const std::string text = pattern.text(literal ? "String" : "Regex");
    pattern.finish();
    fields.finish();
    if (text.empty()) {
        // An empty match lies between characters: it parts them, and has nothing to remove or to join.
        require<FormatError>(split.behaviour != Behaviour::removed || !split.invert,
                             "{}: an empty pattern, inverted, would remove the whole text", place);
        return {};
    }
    if (!literal && text == "[\\s\\S]") return split;
    require<FormatError>(!literal || text.find("\\E") == std::string::npos, "{}: the separator '{}' is not supported",
                         place, printable(text));
    split.pattern = std::make_shared<const Pattern>(literal ? "\\Q" + text + "\\E" : text, place);
    return split;
}

std::vector<std::string> PreTokenizer::apply(std::string_view utf8) const {
    std::vector<std::u32string> words{code_points(utf8)};
    const auto refine = [&](const auto& split) {
        std::vector<std::u32string> finer;
        for (const std::u32string& word : words) {
            for (std::u32string& part : split(word)) finer.push_back(std::move(part));
        }
        words = std::move(finer);
    };
    for (const Step& step : steps_) {
        if (std::holds_alternative<Bert>(step)) {
            refine(split_as_bert);
        } else if (std::holds_alternative<WhiteSpace>(step)) {
            refine(split_at_white_space);
        } else if (const auto* digits = std::get_if<Digits>(&step)) {
            refine([&](const std::u32string& word) { return split_at_numbers(word, digits->single); });
        } else if (const auto* split = std::get_if<Split>(&step)) {
            refine([&](const std::u32string& word) {
                std::vector<Part> parts = split->pattern ? split->pattern->parts_of(word) : characters_of(word);
                if (split->invert) {
                    for (Part& part : parts) part.separator = !part.separator;
                }
                return arranged(parts, split->behaviour);
            });
        } else {
            const auto& bytes = std::get<ByteLevel>(step);
            refine([&](std::u32string word) {
                if (bytes.add_prefix_space && !word.starts_with(U' ')) word.insert(word.begin(), U' ');
                std::vector<std::u32string> parts = bytes.use_pattern ? split_as_gpt2(word) : std::vector{word};
                for (std::u32string& part : parts) part = spelt(part);
                return parts;
            });
        }
    }
    std::vector<std::string> result;
    for (const std::u32string& word : words) {
        if (!word.empty()) result.push_back(to_utf8(word));
    }
    return result;
}

bool PreTokenizer::splits_characters() const {
    return std::ranges::any_of(steps_, [](const Step& step) {
        const auto* split = std::get_if<Split>(&step);
        return split != nullptr && split->pattern == nullptr;
    });
}

bool PreTokenizer::spells_bytes() const {
    return std::ranges::any_of(steps_, [](const Step& step) { return std::holds_alternative<ByteLevel>(step); });
}

}  // namespace polyformer::model
