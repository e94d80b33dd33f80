#include "polyformer/model/tokenizers/words/word_splits.h"

#include <optional>

#include "polyformer/model/tokenizers/words/characters.h"

namespace polyformer::model {

namespace {

/// Each character as a part.
template <class IsSeparator>
std::vector<PatternPart> characters_of(std::u32string_view text, const IsSeparator& is_separator) {
    std::vector<PatternPart> parts;
    for (const char32_t character : text) parts.push_back({std::u32string(1, character), is_separator(character)});
    return parts;
}

/// The same, what is no separator in a row.
template <class IsSeparator>
std::vector<PatternPart> single_separators(std::u32string_view text, const IsSeparator& is_separator) {
    std::vector<PatternPart> parts;
    for (PatternPart& part : characters_of(text, is_separator)) {
        if (!parts.empty() && !parts.back().found && !part.found) {
            parts.back().text += part.text;
        } else {
            parts.push_back(std::move(part));
        }
    }
    return parts;
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

}  // namespace

std::vector<std::u32string> arranged(const std::vector<PatternPart>& parts, SplitBehaviour behaviour) {
    using enum SplitBehaviour;
    std::vector<std::u32string> words;
    std::optional<bool> before;  // whether the part before was a separator
    for (const PatternPart& part : parts) {
        const bool joins = before && ((behaviour == merged_with_previous && part.found && !*before) ||
                                      (behaviour == merged_with_next && !part.found && *before) ||
                                      (behaviour == contiguous && part.found == *before));
        if (joins) {
            words.back() += part.text;
        } else if (behaviour != removed || !part.found) {
            words.push_back(part.text);
        }
        before = part.found;
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
        for (std::u32string& part : split_at_punctuation(word, SplitBehaviour::isolated)) {
            words.push_back(std::move(part));
        }
    }
    return words;
}

std::vector<std::u32string> split_at_punctuation(std::u32string_view text, SplitBehaviour behaviour) {
    return arranged(single_separators(text, is_punctuation), behaviour);
}

std::vector<std::u32string> split_at_word_ends(std::u32string_view text) {
    std::vector<std::u32string> words;
    for (const std::u32string& word : split_at_white_space(text)) {
        for (std::u32string& part : arranged(characters_of(word, is_word_character), SplitBehaviour::contiguous)) {
            words.push_back(std::move(part));
        }
    }
    return words;
}

std::vector<std::u32string> split_at_numbers(std::u32string_view text, bool single) {
    return single ? arranged(single_separators(text, is_numeric), SplitBehaviour::isolated)
                  : arranged(characters_of(text, is_numeric), SplitBehaviour::contiguous);
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

}  // namespace polyformer::model
