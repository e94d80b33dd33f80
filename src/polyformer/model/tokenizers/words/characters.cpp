#include "polyformer/model/tokenizers/words/characters.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uniset.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <array>
#include <bit>

#include "polyformer/support/error.h"
#include "polyformer/support/text.h"

namespace polyformer::model {

namespace {

constexpr int kCategories = 8;  // Unicode's version that they are of
constexpr int kRegularExpressions = 16;

/// Unicode's version that a character came with; 0 for none.
int age_of(char32_t character) {
    UVersionInfo version;
    u_charAge(static_cast<UChar32>(character), version);
    return version[0];
}

bool has_category(char32_t character, std::uint32_t mask) {
    const int age = age_of(character);
    return age >= 1 && age <= kCategories && (U_GET_GC_MASK(static_cast<UChar32>(character)) & mask) != 0;
}

struct Range {
    char32_t first;
    char32_t last;
};

template <std::size_t count>
bool is_in(const std::array<Range, count>& ranges, char32_t character) {
    return std::ranges::any_of(ranges,
                               [&](const Range& range) { return character >= range.first && character <= range.last; });
}

// What Unicode 15.1 and 16 have added, which ICU 72 does not know.
constexpr std::array<Range, 22> kNewLetters = {
    {{0x1c89, 0x1c8a},   {0xa7cb, 0xa7cd},   {0xa7da, 0xa7dc},   {0x105c0, 0x105f3}, {0x10d4a, 0x10d65},
     {0x10d6f, 0x10d85}, {0x10ec2, 0x10ec4}, {0x11380, 0x11389}, {0x1138b, 0x1138b}, {0x1138e, 0x1138e},
     {0x11390, 0x113b5}, {0x113b7, 0x113b7}, {0x113d1, 0x113d1}, {0x113d3, 0x113d3}, {0x11bc0, 0x11be0},
     {0x13460, 0x143fa}, {0x16100, 0x1611d}, {0x16d40, 0x16d6c}, {0x18cff, 0x18cff}, {0x1e5d0, 0x1e5ed},
     {0x1e5f0, 0x1e5f0}, {0x2ebf0, 0x2ee5d}}};
constexpr std::array<Range, 7> kNewNumbers = {{{0x10d40, 0x10d49},
                                               {0x116d0, 0x116e3},
                                               {0x11bf0, 0x11bf9},
                                               {0x16130, 0x16139},
                                               {0x16d70, 0x16d79},
                                               {0x1ccf0, 0x1ccf9},
                                               {0x1e5f1, 0x1e5fa}}};

constexpr std::array<Range, 32> kNewWordCharacters = {
    {{0x897, 0x897},     {0x1c89, 0x1c8a},   {0xa7cb, 0xa7cd},   {0xa7da, 0xa7dc},   {0x105c0, 0x105f3},
     {0x10d40, 0x10d65}, {0x10d69, 0x10d6d}, {0x10d6f, 0x10d85}, {0x10ec2, 0x10ec4}, {0x10efc, 0x10efc},
     {0x11380, 0x11389}, {0x1138b, 0x1138b}, {0x1138e, 0x1138e}, {0x11390, 0x113b5}, {0x113b7, 0x113c0},
     {0x113c2, 0x113c2}, {0x113c5, 0x113c5}, {0x113c7, 0x113ca}, {0x113cc, 0x113d3}, {0x113e1, 0x113e2},
     {0x116d0, 0x116e3}, {0x11bc0, 0x11be0}, {0x11bf0, 0x11bf9}, {0x11f5a, 0x11f5a}, {0x13460, 0x143fa},
     {0x16100, 0x16139}, {0x16d40, 0x16d6c}, {0x16d70, 0x16d79}, {0x18cff, 0x18cff}, {0x1ccf0, 0x1ccf9},
     {0x1e5d0, 0x1e5fa}, {0x2ebf0, 0x2ee5d}}};

/// Upper-case letters of Unicode 16 and 17, consecutive ones, and what is added for the lower-case ones.
struct CaseRange {
    char32_t first;
    char32_t last;
    int offset;
};
constexpr std::array<CaseRange, 10> kNewCases = {{{0x1c89, 0x1c89, 1},
                                                  {0xa7cb, 0xa7cb, 0x264 - 0xa7cb},
                                                  {0xa7cc, 0xa7cc, 1},
                                                  {0xa7ce, 0xa7ce, 1},
                                                  {0xa7d2, 0xa7d2, 1},
                                                  {0xa7d4, 0xa7d4, 1},
                                                  {0xa7da, 0xa7da, 1},
                                                  {0xa7dc, 0xa7dc, 0x19b - 0xa7dc},
                                                  {0x10d50, 0x10d65, 0x20},
                                                  {0x16ea0, 0x16eb8, 0x1b}}};

bool has_regular_category(char32_t character, std::uint32_t mask) {
    const int age = age_of(character);
    return age >= 1 && age <= kRegularExpressions && (U_GET_GC_MASK(static_cast<UChar32>(character)) & mask) != 0;
}

icu::UnicodeSet characters_of_unicode_9() {
    UErrorCode error = U_ZERO_ERROR;
    icu::UnicodeSet set(u"[:Age=9.0:]", error);
    require(U_SUCCESS(error), "ICU cannot list the characters of Unicode 9 ({})", u_errorName(error));
    set.freeze();
    return set;
}

/// The form for characters of Unicode 9 and older; others stay, and nothing moves past them.
icu::FilteredNormalizer2 make_normalizer(const char* name, UNormalization2Mode mode) {
    static const icu::UnicodeSet known = characters_of_unicode_9();
    UErrorCode error = U_ZERO_ERROR;
    const icu::Normalizer2* whole = icu::Normalizer2::getInstance(nullptr, name, mode, error);
    require(U_SUCCESS(error) && whole != nullptr, "ICU cannot normalise text ({})", u_errorName(error));
    return {*whole, known};
}

const icu::Normalizer2& normalizer_for(NormalForm form) {
    static const std::array<icu::FilteredNormalizer2, 4> normalizers = {
        make_normalizer("nfc", UNORM2_COMPOSE), make_normalizer("nfc", UNORM2_DECOMPOSE),
        make_normalizer("nfkc", UNORM2_COMPOSE), make_normalizer("nfkc", UNORM2_DECOMPOSE)};
    return normalizers.at(static_cast<std::size_t>(form));
}

}  // namespace

std::u32string code_points(std::string_view utf8) {
    const std::size_t invalid = find_invalid_utf8(utf8);
    require(invalid == utf8.size(), "the text is no UTF-8 from byte {} on", invalid);
    std::u32string text;
    text.reserve(utf8.size());
    for (std::size_t i = 0; i < utf8.size();) text.push_back(next_character(utf8, i));
    return text;
}

char32_t next_character(std::string_view utf8, std::size_t& place) {
    if (place == utf8.size()) return 0;
    const auto first = static_cast<unsigned char>(utf8[place++]);
    // A first byte has as many ones before its first zero as the character has bytes.
    const int more = first < 0x80 ? 0 : std::countl_one(first) - 1;
    char32_t character = more == 0 ? first : first & (0x3fU >> more);
    for (int i = 0; i < more; ++i) character = character << 6 | (static_cast<unsigned char>(utf8[place++]) & 0x3fU);
    return character;
}

char32_t previous_character(std::string_view utf8, std::size_t& place) {
    if (place == 0) return 0;
    do --place;
    while ((static_cast<unsigned char>(utf8[place]) & 0xc0U) == 0x80U);
    std::size_t begin = place;
    return next_character(utf8, begin);
}

void append_utf8(std::string& text, char32_t character) {
    if (character < 0x80) {
        text.push_back(static_cast<char>(character));
        return;
    }
    const int more = character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
    text.push_back(static_cast<char>((0xf80U >> more & 0xffU) | character >> (6 * more)));
    for (int i = more - 1; i >= 0; --i) text.push_back(static_cast<char>(0x80U | (character >> (6 * i) & 0x3fU)));
}

std::string to_utf8(std::u32string_view text) {
    std::string utf8;
    utf8.reserve(text.size());
    for (const char32_t character : text) append_utf8(utf8, character);
    return utf8;
}

bool is_white_space(char32_t character) {
    return u_isUWhiteSpace(static_cast<UChar32>(character)) != 0;
}

bool is_control(char32_t character) {
    if (character == U'\t' || character == U'\n' || character == U'\r') return false;
    return has_category(character, U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK);
}

bool is_punctuation(char32_t character) {
    if (character < 0x80) {
        return character > U' ' && character != 0x7f && u_isalnum(static_cast<UChar32>(character)) == 0;
    }
    if (character == 0x166d || character == 0x111c9) return true;  // others today
    return has_category(character, U_GC_P_MASK);
}

bool is_nonspacing_mark(char32_t character) {
    switch (character) {
        case 0x1734:
            return true;  // a spacing mark since Unicode 14
        case 0x1885:      // letters until Unicode 9
        case 0x1886:
        case 0xa9bd:  // a spacing mark until Unicode 11
        case 0x111c9:
            return false;  // punctuation until Unicode 11
        default:
            return has_category(character, U_GC_MN_MASK);
    }
}

bool is_chinese(char32_t character) {
    static constexpr std::array<Range, 8> ranges = {{{0x3400, 0x4dbf},
                                                     {0x4e00, 0x9fff},
                                                     {0xf900, 0xfaff},
                                                     {0x20000, 0x2a6df},
                                                     {0x2a700, 0x2b73f},
                                                     {0x2b740, 0x2b81f},
                                                     {0x2b920, 0x2ceaf},  // so in the library; the block begins before
                                                     {0x2f800, 0x2fa1f}}};
    return character >= ranges.front().first && is_in(ranges, character);
}

bool is_letter(char32_t character) {
    return has_regular_category(character, U_GC_L_MASK) || is_in(kNewLetters, character);
}

bool is_number(char32_t character) {
    return has_regular_category(character, U_GC_N_MASK) || is_in(kNewNumbers, character);
}

bool is_numeric(char32_t character) {
    static constexpr std::array<Range, 2> unicode_17 = {{{0x11de0, 0x11de9}, {0x16ff4, 0x16ff6}}};
    return is_number(character) || is_in(unicode_17, character);
}

bool is_word_character(char32_t character) {
    if (age_of(character) > kRegularExpressions) return false;
    const auto point = static_cast<UChar32>(character);
    return u_isUAlphabetic(point) != 0 || (U_GET_GC_MASK(point) & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK)) != 0 ||
           u_hasBinaryProperty(point, UCHAR_JOIN_CONTROL) != 0 || is_in(kNewWordCharacters, character);
}

std::u32string lowercase(std::u32string_view text) {
    std::u32string result;
    result.reserve(text.size());
    for (const char32_t character : text) {
        if (character == 0x130) {  // the one that becomes two: i and a dot above
            result += U"i\u0307";
            continue;
        }
        const auto* found = std::ranges::find_if(
            kNewCases, [&](const CaseRange& range) { return character >= range.first && character <= range.last; });
        result.push_back(found != kNewCases.end() ? static_cast<char32_t>(static_cast<int>(character) + found->offset)
                                                  : static_cast<char32_t>(u_tolower(static_cast<UChar32>(character))));
    }
    return result;
}

std::u32string normalize(std::u32string_view text, NormalForm form) {
    if (std::ranges::all_of(text, [](char32_t character) { return character < 0x80; })) return std::u32string(text);
    const icu::UnicodeString source =
        icu::UnicodeString::fromUTF32(reinterpret_cast<const UChar32*>(text.data()), static_cast<int32_t>(text.size()));
    UErrorCode error = U_ZERO_ERROR;
    const icu::UnicodeString found = normalizer_for(form).normalize(source, error);
    require(U_SUCCESS(error), "ICU cannot normalise a text of {} characters ({})", text.size(), u_errorName(error));
    std::u32string result(static_cast<std::size_t>(found.countChar32()), U'\0');
    found.toUTF32(reinterpret_cast<UChar32*>(result.data()), static_cast<int32_t>(result.size()), error);
    return result;
}

}  // namespace polyformer::model
