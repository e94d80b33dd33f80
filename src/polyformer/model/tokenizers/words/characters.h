// Characters as Hugging Face's tokenizers library sees them. It takes its properties from three places with tables of
// their own ages (measured for every code point against version 0.23): categories are of Unicode 8, decompositions of
// Unicode 9, letters, numbers and case of Unicode 16 and 17. ICU's tables are cut down to these by the age of a
// character, so that they may be of any version from 15 on; a few characters whose category has changed since are
// named.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace polyformer::model {

/// Throws Error saying at which byte what is no UTF-8 begins.
std::u32string code_points(std::string_view utf8);
std::string to_utf8(std::u32string_view text);
void append_utf8(std::string& text, char32_t character);
/// The character of a valid text that begins at `place`, which becomes where it ends; 0 at the text's end.
char32_t next_character(std::string_view utf8, std::size_t& place);
/// The one that ends at `place`, which becomes where it begins; 0 at the text's beginning.
char32_t previous_character(std::string_view utf8, std::size_t& place);

bool is_white_space(char32_t character);
/// Controls, formats and private use, but for tab, line feed and carriage return.
bool is_control(char32_t character);
/// ASCII's symbols too, such as '$'.
bool is_punctuation(char32_t character);
/// Category Mn: what is left of accents after decomposition.
bool is_nonspacing_mark(char32_t character);
/// Ideographs, as BERT's authors listed their blocks.
bool is_chinese(char32_t character);
/// As `\p{L}` and `\p{N}` of the library's regular expressions.
bool is_letter(char32_t character);
bool is_number(char32_t character);
/// The same by newer tables, as `Digits` sees it.
bool is_numeric(char32_t character);
/// As `\w`.
bool is_word_character(char32_t character);

/// Each character's lower case by itself, whatever stands beside it.
std::u32string lowercase(std::u32string_view text);

/// The four normalisation forms.
enum class NormalForm { nfc, nfd, nfkc, nfkd };
std::u32string normalize(std::u32string_view text, NormalForm form);

}  // namespace polyformer::model
