// Bytes spelt as visible characters, as byte-level tokenizers keep them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace polyformer::model {

/// The character that ByteLevel writes for a byte: itself where it is visible, else one of those from U+0100 on.
char32_t byte_character(unsigned char byte);
/// A word's bytes, each as its character.
std::u32string spelt(std::u32string_view word);
/// The bytes that a piece of such characters spells; nothing where one of its characters is another.
std::optional<std::string> bytes_spelt_by(std::string_view piece);
/// The same, other characters being themselves.
std::string spelt_bytes(std::string_view piece);

}  // namespace polyformer::model
