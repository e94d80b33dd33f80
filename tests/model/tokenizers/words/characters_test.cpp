// data/tokenizers/characters.json: what Hugging Face's library makes of each character (scripts/golden-tokens).
#include "polyformer/model/tokenizers/words/characters.h"

#include <functional>
#include <nlohmann/json.hpp>

#include "polyformer/model/tokenizers/words/normalizer.h"
#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

const nlohmann::json& golden() {
    static const nlohmann::json document =
        nlohmann::json::parse(read_file(std::filesystem::path(POLYFORMER_TEST_DATA) / "tokenizers/characters.json"));
    return document;
}

constexpr char32_t kEnd = 0x110000;

bool is_surrogate(char32_t character) {
    return character >= 0xd800 && character < 0xe000;
}

/// Every character has the property if and only if it lies in one of the ranges.
void expect_ranges(const char* name, const std::function<bool(char32_t)>& property) {
    std::vector<bool> expected(kEnd, false);
    for (const nlohmann::json& range : golden().at(name)) {
        for (std::size_t i = range[0]; i <= range[1]; ++i) expected[i] = true;
    }
    std::size_t wrong = 0;
    for (char32_t character = 0; character < kEnd; ++character) {
        if (is_surrogate(character) || property(character) == expected[character]) continue;
        if (++wrong <= 5) ADD_FAILURE() << name << fmt::format(": U+{:04X}", static_cast<unsigned>(character));
    }
    EXPECT_EQ(wrong, 0U) << name;
}

Normalizer bert_step(const char* step) {
    nlohmann::json document{{"type", "BertNormalizer"},
                            {"clean_text", false},
                            {"handle_chinese_chars", false},
                            {"strip_accents", false},
                            {"lowercase", false}};
    document[step] = true;
    return {document, step};
}

TEST(Characters, HaveTheLibrarysProperties) {
    expect_ranges("white_space", is_white_space);
    expect_ranges("punctuation", is_punctuation);
    expect_ranges("chinese", is_chinese);
    expect_ranges("letter", is_letter);
    expect_ranges("number", is_number);
    expect_ranges("numeric", is_numeric);
    expect_ranges("word", is_word_character);
}

TEST(Characters, AreRemovedAsByTheLibrary) {
    const Normalizer clean = bert_step("clean_text");
    const Normalizer strip = bert_step("strip_accents");
    expect_ranges("removed", [&](char32_t c) { return clean.apply(std::u32string(1, c)).empty(); });
    expect_ranges("nonspacing_mark", [&](char32_t c) { return strip.apply(std::u32string(1, c)).empty(); });
}

TEST(Characters, HaveTheLibrarysLowerCase) {
    std::vector<std::u32string> expected(kEnd);
    for (char32_t character = 0; character < kEnd; ++character) expected[character] = {character};
    for (const nlohmann::json& entry : golden().at("lowercase")) {
        for (const long code : entry[1]) {
            std::u32string& lower = expected[static_cast<std::size_t>(code)];
            lower.clear();
            for (const long offset : entry[0]) lower.push_back(static_cast<char32_t>(code + offset));
        }
    }
    for (char32_t character = 0; character < kEnd; ++character) {
        if (!is_surrogate(character)) {
            ASSERT_EQ(lowercase(std::u32string(1, character)), expected[character])
                << fmt::format("U+{:04X}", static_cast<unsigned>(character));
        }
    }
}

TEST(Characters, SurviveUtf8) {
    std::u32string all;
    for (char32_t character = 0; character < kEnd; character += 7) {
        if (!is_surrogate(character)) all.push_back(character);
    }
    const std::string utf8 = to_utf8(all);
    EXPECT_EQ(code_points(utf8), all);
    std::size_t place = utf8.size();
    for (auto at = all.rbegin(); at != all.rend(); ++at) ASSERT_EQ(previous_character(utf8, place), *at);
    EXPECT_EQ(place, 0U);
    expect_error<Error>([] { static_cast<void>(code_points("ab\xc3(")); }, {"no UTF-8", "byte 2"});
}

}  // namespace
}  // namespace polyformer::model
