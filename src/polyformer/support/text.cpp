#include "polyformer/support/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace polyformer {

namespace {

/// A character and the bytes that it takes; none where the bytes are not UTF-8.
struct Character {
    std::uint32_t code = 0;
    std::size_t bytes = 0;
};

Character first_character(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
    const std::uint32_t lead = byte(0);
    if (lead < 0x80) return {lead, 1};
    const std::size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                               : (lead & 0xF0) == 0xE0        ? 3
                               : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                              : 0;
    if (length == 0 || text.size() < length) return {};
    std::uint32_t code = lead & (0x7FU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return {};
        code = code << 6 | (byte(i) & 0x3F);
    }
    constexpr std::array<std::uint32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    if (code < kLeast[length] || code > 0x10FFFF || surrogate) return {};
    return {code, length};
}

/// Inclusive.
struct Range {
    std::uint32_t first;
    std::uint32_t last;
};

bool lies_in(std::uint32_t code, std::span<const Range> ranges) {
    return std::ranges::any_of(ranges, [&](const Range& range) { return code >= range.first && code <= range.last; });
}

// What acts on a terminal or on the order of reading instead of being seen. U+200C and U+200D stay: scripts and emoji
// need them.
constexpr std::array kActing = std::to_array<Range>({{0x00, 0x1F},
                                                     {0x7F, 0x9F},
                                                     {0x061C, 0x061C},
                                                     {0x200B, 0x200B},
                                                     {0x200E, 0x200F},
                                                     {0x2028, 0x202E},
                                                     {0x2060, 0x206F},
                                                     {0xFEFF, 0xFEFF},
                                                     {0xFFF9, 0xFFFB},
                                                     {0xE0000, 0xE007F}});

// Marks above, below and inside other characters, of the scripts in wide use, and what joins and varies characters.
constexpr std::array kCombining = std::to_array<Range>(
    {{0x0300, 0x036F},   {0x0483, 0x0489},  {0x0591, 0x05BD}, {0x05BF, 0x05BF}, {0x05C1, 0x05C2}, {0x05C4, 0x05C5},
     {0x0610, 0x061A},   {0x064B, 0x065F},  {0x0670, 0x0670}, {0x06D6, 0x06DC}, {0x06DF, 0x06E4}, {0x0900, 0x0902},
     {0x093C, 0x093C},   {0x0941, 0x0948},  {0x094D, 0x094D}, {0x0981, 0x0981}, {0x09BC, 0x09BC}, {0x09C1, 0x09C4},
     {0x09CD, 0x09CD},   {0x0E31, 0x0E31},  {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF},
     {0x200C, 0x200D},   {0x20D0, 0x20FF},  {0x302A, 0x302D}, {0x3099, 0x309A}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F},
     {0x1F3FB, 0x1F3FF}, {0xE0100, 0xE01EF}});

// East Asian wide and fullwidth characters, and emoji.
constexpr std::array kWide = std::to_array<Range>(
    {{0x1100, 0x115F},   {0x231A, 0x231B},   {0x23E9, 0x23EC},   {0x2614, 0x2615},   {0x2648, 0x2653},
     {0x26AA, 0x26AB},   {0x26BD, 0x26BE},   {0x2705, 0x2705},   {0x270A, 0x270B},   {0x2728, 0x2728},
     {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},   {0x4E00, 0xA4CF},   {0xA960, 0xA97F},
     {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},
     {0x16FE0, 0x18AFF}, {0x1B000, 0x1B2FF}, {0x1F004, 0x1F004}, {0x1F0CF, 0x1F0CF}, {0x1F18E, 0x1F18E},
     {0x1F191, 0x1F19A}, {0x1F200, 0x1F320}, {0x1F32D, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF},
     {0x1FA70, 0x1FAFF}, {0x20000, 0x3FFFD}});

std::size_t width_of(std::uint32_t code) {
    if (lies_in(code, kCombining)) return 0;
    return lies_in(code, kWide) ? 2 : 1;
}

/// Calls use(bytes of the character, character) for each; a byte that is not UTF-8 comes alone, its character taking no
/// bytes.
template <class Use>
void for_each_character(std::string_view text, const Use& use) {
    while (!text.empty()) {
        const Character character = first_character(text);
        const std::size_t bytes = std::max<std::size_t>(character.bytes, 1);
        use(text.substr(0, bytes), character);
        text.remove_prefix(bytes);
    }
}

std::string escaped_byte(std::string_view byte) {
    return fmt::format("\\x{:02x}", static_cast<unsigned char>(byte.front()));
}

std::string escaped(std::string_view bytes, std::uint32_t code) {
    if (code == '\n') return "\\n";
    if (code == '\t') return "\\t";
    if (code == '\r') return "\\r";
    return code < 0x80 ? escaped_byte(bytes) : fmt::format("\\u{{{:x}}}", code);
}

}  // namespace

std::size_t find_invalid_utf8(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
        if (static_cast<unsigned char>(text[at]) < 0x80) {
            ++at;  // most of most texts
            continue;
        }
        const std::size_t bytes = first_character(text.substr(at)).bytes;
        if (bytes == 0) break;
        at += bytes;
    }
    return at;
}

std::string valid_utf8(std::string_view bytes) {
    std::string text;
    for_each_character(bytes, [&](std::string_view part, const Character& character) {
        text += character.bytes == 0 ? escaped_byte(part) : std::string(part);
    });
    return text;
}

std::string printable(std::string_view bytes, Newlines newlines) {
    std::string text;
    for_each_character(bytes, [&](std::string_view part, const Character& character) {
        const bool kept = character.code == '\n' && newlines == Newlines::kept;
        if (character.bytes == 0) {
            text += escaped_byte(part);
        } else if (!kept && lies_in(character.code, kActing)) {
            text += escaped(part, character.code);
        } else {
            text += part;
        }
    });
    return text;
}

std::size_t display_width(std::string_view text) {
    std::size_t width = 0;
    for_each_character(text, [&](std::string_view, const Character& character) { width += width_of(character.code); });
    return width;
}

std::string padded(std::string_view text, std::size_t width) {
    const std::size_t taken = display_width(text);
    return std::string(text) + std::string(width > taken ? width - taken : 0, ' ');
}

std::string_view shortened(std::string_view text, std::size_t width) {
    std::size_t bytes = 0;
    std::size_t taken = 0;
    bool full = false;
    for_each_character(text, [&](std::string_view part, const Character& character) {
        taken += width_of(character.code);
        full = full || taken > width;
        if (!full) bytes += part.size();
    });
    return text.substr(0, bytes);
}

std::size_t count_characters(std::string_view text) {
    std::size_t count = 0;
    for_each_character(text, [&](std::string_view, const Character&) { ++count; });
    return count;
}

}  // namespace polyformer
