#include "polyformer/support/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "tests/support/message_of.h"

namespace polyformer {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(JsonFields, WhatMustBeThereIsReadOrRefused) {
    const nlohmann::json json = parse_json(R"({"a": "text", "b": 2.5, "c": true, "d": 7, "e": [1, 2], "f": {}})", "x");
    Fields fields(json, "x");
    EXPECT_EQ(fields.text("a"), "text");
    EXPECT_EQ(fields.number("b"), 2.5);
    EXPECT_TRUE(fields.boolean("c"));
    EXPECT_EQ(fields.count("d", 7), 7U);
    EXPECT_EQ(fields.counts("e", 2).size(), 2U);
    EXPECT_THAT(message_of<FormatError>([&] { fields.finish(); }),
                AllOf(HasSubstr("unknown key 'f'"), HasSubstr("a, b, c, d, e")));
    EXPECT_TRUE(fields.object("f").is_object());
    fields.finish();
    EXPECT_THAT(message_of<FormatError>([&] { fields.number("g"); }), HasSubstr("x: the field 'g' is missing"));
    EXPECT_THAT(message_of<FormatError>([&] { fields.count("d", 6); }),
                HasSubstr("'d' must be a whole number from 0 to 6, found 7"));
    EXPECT_THAT(message_of<FormatError>([&] { fields.numbers("e", 1); }),
                HasSubstr("'e' has 2 entries, more than the 1 allowed"));
    EXPECT_THAT(message_of<FormatError>([&] { fields.text("f"); }), HasSubstr("'f' must be a string, found object"));
}

TEST(ParseJson, SaysWhereAndNotWhichLibraryFoundIt) {
    EXPECT_THAT(message_of<FormatError>([] { parse_json("{\"a\": 1,}", "file.json"); }),
                AllOf(HasSubstr("file.json: not valid JSON (parse error at line 1, column 9"),
                      testing::Not(HasSubstr("json.exception"))));
}

TEST(Json, OnlyConfigurationsHaveComments) {
    const std::string text = "{\"a\": 1} // one";
    EXPECT_EQ(parse_configuration(text, "x").at("a"), 1);
    EXPECT_THAT(message_of<FormatError>([&] { parse_json(text, "x"); }), HasSubstr("x: not valid JSON"));
    EXPECT_THAT(message_of<FormatError>([&] { parse_ordered_json(text, "x"); }), HasSubstr("x: not valid JSON"));
}

TEST(JsonFields, WhatMayBeLeftOutStaysAsItIs) {
    const nlohmann::ordered_json json = parse_ordered_json(R"({"a": 3, "inner": {"b": false}})", "x");
    Settings settings(json, "x");
    double number = 1;
    std::size_t count = 2;
    std::string text = "as it was";
    settings.read("missing", number, 0, 10);
    settings.read("absent", text);
    settings.read("a", count, 1, 5);
    bool flag = true;
    settings.section("inner", [&](Settings& inner) { inner.read("b", flag); });
    settings.finish();
    EXPECT_EQ(number, 1);
    EXPECT_EQ(text, "as it was");
    EXPECT_EQ(count, 3U);
    EXPECT_FALSE(flag);
}

TEST(JsonFields, ErrorsSayWhatIsAllowed) {
    const nlohmann::ordered_json json = parse_ordered_json(R"({"a": 3, "b": "x", "inner": {"c": 1}})", "file");
    Settings settings(json, "file");
    double number = 0;
    std::size_t count = 0;
    std::string text;
    EXPECT_THAT(message_of<FormatError>([&] { settings.read("a", number, 4, 5); }),
                HasSubstr("file: 'a' must be a number from 4 to 5, found 3"));
    EXPECT_THAT(message_of<FormatError>([&] { settings.read("b", count, 0, 5); }),
                HasSubstr("'b' must be a whole number from 0 to 5, found \"x\""));
    EXPECT_THAT(message_of<FormatError>([&] {
                    settings.choose("b", text, std::array{"y", "z"});
                }),
                HasSubstr("'b' must be one of y, z, found \"x\""));
    EXPECT_THAT(message_of<FormatError>([&] { settings.section("inner", [](Settings&) {}); }),
                HasSubstr("file.inner: unknown key 'c'"));
    EXPECT_THAT(message_of<FormatError>([&] { settings.section("a", [](Settings&) {}); }),
                HasSubstr("file.a: must be an object, found number"));
}

}  // namespace
}  // namespace polyformer
