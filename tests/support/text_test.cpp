#include "polyformer/support/text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "polyformer/support/json.h"

namespace polyformer {
namespace {

TEST(Text, WellFormedUtf8IsToldFromAnythingElse) {
    for (const char* text : {"", "plain", "caf\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf",
                             "\xee\x80\x80", "\xf4\x8f\xbf\xbf", "\xd8\xa7\xd9\x84"}) {
        EXPECT_TRUE(is_utf8(text)) << text;
    }
    // The offset of the first byte that belongs to no character.
    const std::vector<std::pair<std::string, std::size_t>> damaged{
        {"caf\xe9 au lait", 3},   // Latin-1
        {"\xd8", 0},              // cut short
        {"ab\xe2\x82", 2},        // likewise
        {"\xe2\x82z", 0},         // not gone on with
        {"\x80", 0},              // a continuation alone
        {"\xc0\xaf", 0},          // overlong
        {"\xe0\x9f\xbf", 0},      // overlong
        {"\xf0\x8f\xbf\xbf", 0},  // overlong
        {"\xed\xa0\x80", 0},      // a surrogate
        {"\xf4\x90\x80\x80", 0},  // above U+10FFFF
        {"\xff\xfe"
         "a",
         0},  // UTF-16's mark
    };
    for (const auto& [text, at] : damaged) EXPECT_EQ(find_invalid_utf8(text), at) << valid_utf8(text);
}

TEST(Text, BytesBecomeTheSameValidTextEveryTime) {
    EXPECT_EQ(valid_utf8("caf\xe9.png"), "caf\\xe9.png");
    EXPECT_EQ(valid_utf8("\xd8"), "\\xd8");
    EXPECT_EQ(valid_utf8("\xed\xa0\x80"), "\\xed\\xa0\\x80");
    EXPECT_EQ(valid_utf8("a\n\x1b\xc3\xa9"), "a\n\x1b\xc3\xa9");
}

TEST(Text, NothingActsOnATerminal) {
    EXPECT_EQ(printable("\x1b[31mred\x1b[0m\a"), "\\x1b[31mred\\x1b[0m\\x07");
    EXPECT_EQ(printable("a\r\n\tb\x7f"), "a\\r\\n\\tb\\x7f");
    EXPECT_EQ(printable("one\ntwo\x1b", Newlines::kept), "one\ntwo\\x1b");
    EXPECT_EQ(printable("\xc2\x9b"
                        "31m"),
              "\\u{9b}31m");  // C1: CSI in one character
    EXPECT_EQ(printable("\x9b"
                        "31m"),
              "\\x9b31m");  // the same as a byte
    // NOLINTNEXTLINE(misc-misleading-bidirectional): what is to be found
    EXPECT_EQ(printable("a\xe2\x80\xae"
                        "b\xe2\x81\xa6"),
              "a\\u{202e}b\\u{2066}");  // marks of direction
    EXPECT_EQ(printable("\xef\xbb\xbfx"), "\\u{feff}x");
    EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
    // Arabic, a family of emoji held together by joiners, an accent of its own: as they are.
    for (const char* text :
         {"\xd8\xa7\xd9\x84", "\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9", "e\xcc\x81", "C:\\x"}) {
        EXPECT_EQ(printable(text), text);
    }
}

TEST(Text, WidthsAreThoseOfATerminal) {
    EXPECT_EQ(display_width("caf\xc3\xa9"), 4U);
    EXPECT_EQ(display_width("\xe6\xbc\xa2\xe5\xad\x97"), 4U);  // two ideographs
    EXPECT_EQ(display_width("e\xcc\x81"), 1U);                 // e and an accent
    EXPECT_EQ(display_width("\xf0\x9f\x98\x80"), 2U);
    EXPECT_EQ(padded("\xe6\xbc\xa2", 4), "\xe6\xbc\xa2  ");
    EXPECT_EQ(padded("longer", 3), "longer");
    EXPECT_EQ(shortened("\xe6\xbc\xa2\xe5\xad\x97", 3), "\xe6\xbc\xa2");
    EXPECT_EQ(shortened("caf\xc3\xa9!", 4), "caf\xc3\xa9");
    EXPECT_EQ(count_characters("caf\xc3\xa9"), 4U);
}

TEST(Text, JsonNeverFailsForBytes) {
    const nlohmann::json document{{"word", "\xd8"}, {"files", {"caf\xe9.png", "plain"}}, {"k\xff", {{"a", 1}}}};
    const std::string text = to_text(document);
    EXPECT_EQ(text, R"({"files":["caf\\xe9.png","plain"],"k\\xff":{"a":1},"word":"\\xd8"})");
    EXPECT_EQ(to_text(nlohmann::ordered_json{{"b", "\xe9"}, {"a", 1}}), R"({"b":"\\xe9","a":1})");
    EXPECT_EQ(to_text(nlohmann::json{{"a", 1}}, 2), "{\n  \"a\": 1\n}");
}

}  // namespace
}  // namespace polyformer
