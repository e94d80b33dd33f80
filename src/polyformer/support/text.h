// Bytes from outside as text: whether they are UTF-8, and how they are shown to people and written as JSON.
//
// Names of files, tokens, classes and steps are any bytes. Whatever reaches a terminal goes through printable(),
// whatever reaches JSON through valid_utf8() (support/json.h does so for whole documents).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace polyformer {

/// Where the first byte lies that is not part of well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing
/// above U+10FFFF), counted from 0; the text's size when all of it is.
std::size_t find_invalid_utf8(std::string_view text);

inline bool is_utf8(std::string_view text) {
    return find_invalid_utf8(text) == text.size();
}

/// Valid UTF-8, the same for the same bytes: whatever is not UTF-8 becomes `\xNN`, byte by byte; the rest stays.
std::string valid_utf8(std::string_view bytes);

/// What happens to a line feed when a text is shown.
enum class Newlines { escaped, kept };

/// For a terminal, a log, a page: besides bytes that are no UTF-8, all that could move the cursor, change colours or
/// reorder what is read is spelt out: control characters as `\n`, `\t`, `\x1b`, further ones (C1, marks of direction,
/// line separators, tags, the byte order mark) as `\u{202e}`.
std::string printable(std::string_view bytes, Newlines newlines = Newlines::escaped);

/// Columns that a valid text takes on a terminal: two for wide characters, none for combining ones. Anything else
/// counts as one.
std::size_t display_width(std::string_view text);

/// The text with spaces after it up to `width` columns.
std::string padded(std::string_view text, std::size_t width);

/// As much of the text as `width` columns hold, whole characters.
std::string_view shortened(std::string_view text, std::size_t width);

/// How many characters a valid text has.
std::size_t count_characters(std::string_view text);

}  // namespace polyformer
