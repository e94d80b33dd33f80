#include "polyformer/substitution/calibration_texts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::substitution {
namespace {

using testing::HasSubstr;

/// Words w0 ... w19 with ids 3 to 22, [CLS] and [SEP] around a text.
model::Tokenizer tokenizer() {
    nlohmann::json vocabulary = {{"[UNK]", 0}, {"[CLS]", 1}, {"[SEP]", 2}};
    for (int i = 0; i < 20; ++i) vocabulary["w" + std::to_string(i)] = i + 3;
    const auto special = [](const char* name, int id) {
        return nlohmann::json{{"id", name}, {"ids", {id}}, {"tokens", {name}}};
    };
    const nlohmann::json document = {
        {"version", "1.0"},
        {"truncation", nullptr},
        {"padding", nullptr},
        {"added_tokens", nlohmann::json::array()},
        {"normalizer", nullptr},
        {"pre_tokenizer", {{"type", "WhitespaceSplit"}}},
        {"post_processor",
         {{"type", "TemplateProcessing"},
          {"single",
           {{{"SpecialToken", {{"id", "[CLS]"}, {"type_id", 0}}}},
            {{"Sequence", {{"id", "A"}, {"type_id", 0}}}},
            {{"SpecialToken", {{"id", "[SEP]"}, {"type_id", 0}}}}}},
          {"pair", nlohmann::json::array()},
          {"special_tokens", {{"[CLS]", special("[CLS]", 1)}, {"[SEP]", special("[SEP]", 2)}}}}},
        {"decoder", nullptr},
        {"model", {{"type", "WordLevel"}, {"vocab", vocabulary}, {"unk_token", "[UNK]"}}}};
    const std::filesystem::path file =
        std::filesystem::temp_directory_path() / ("polyformer-calibration-" + std::to_string(::getpid()) + ".json");
    write_file(file, document.dump());
    model::Tokenizer made(file);
    std::filesystem::remove(file);
    return made;
}

const model::Embedding& embedding() {
    static const model::Embedding made{{23, 2, std::vector<float>(46, 0.5F)}, {10, 2, std::vector<float>(20, 0.25F)}};
    return made;
}

std::vector<std::string> lines(std::size_t count) {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < count; ++i) {
        std::string line;
        for (std::size_t word = 0; word < 12; ++word) {
            line += (word == 0 ? "w" : " w") + std::to_string((i * 7 + word * (i % 5 + 1)) % 20);
        }
        all.push_back(line);
    }
    return all;
}

const TextChoice kChoice{.context = 10, .texts = 200};

TEST(CalibrationTexts, AreOfManyLengthsWithinTheContext) {
    const CalibrationChoice made = choose_texts(lines(500), tokenizer(), embedding(), kChoice);
    EXPECT_EQ(made.texts.sample.count(), 200U);
    EXPECT_GT(made.texts.held_out.count(), 50U);
    std::set<std::size_t> lengths;
    for (const auto& ids : made.texts.sample.tokens) {
        lengths.insert(ids.size());
        EXPECT_EQ(ids.front(), 1);
        EXPECT_EQ(ids.back(), 2);
    }
    EXPECT_EQ(lengths, (std::set<std::size_t>{3, 4, 5, 6, 7, 8, 9, 10}));
    EXPECT_EQ(made.texts.sample.embed(made.texts.sample.tokens[0]).columns, 2U);
    EXPECT_TRUE(made.warnings.empty());
    EXPECT_EQ(made.texts.stress.count(), 0U) << "every token of so small a vocabulary is common";
    const CalibrationChoice again = choose_texts(lines(500), tokenizer(), embedding(), kChoice);
    EXPECT_EQ(again.texts.sample.tokens, made.texts.sample.tokens);
}

TEST(CalibrationTexts, HoldTheWholeVocabularyWhereATokenIsTheSameEverywhere) {
    EXPECT_EQ(choose_texts(lines(500), tokenizer(), embedding(), kChoice).texts.vocabulary.count(), 0U);
    model::Embedding alike = embedding();
    alike.positions = {};
    const Texts all = choose_texts(lines(500), tokenizer(), alike, kChoice).texts.vocabulary;
    EXPECT_EQ(all.count(), 3U);  // of 23 tokens, ten at most in each
    EXPECT_EQ(all.token_count(), 23U);
    EXPECT_EQ(all.tokens.back(), (std::vector<std::int32_t>{20, 21, 22}));
}

TEST(CalibrationTexts, WarnOfLittleTextAndOfForeignText) {
    const CalibrationChoice few = choose_texts(lines(50), tokenizer(), embedding(), kChoice);
    ASSERT_EQ(few.warnings.size(), 1U);
    EXPECT_THAT(few.warnings[0], HasSubstr("50 lines are little"));

    std::vector<std::string> foreign = lines(500);
    for (std::size_t i = 0; i < foreign.size(); i += 4) foreign[i] = "чужие слова здесь";
    const CalibrationChoice mixed = choose_texts(foreign, tokenizer(), embedding(), kChoice);
    ASSERT_EQ(mixed.warnings.size(), 1U);
    EXPECT_THAT(mixed.warnings[0], HasSubstr("unknown to the tokenizer"));
    EXPECT_GT(mixed.unknown_share, 0.05);

    const std::vector<std::string> only_foreign(500, "чужие слова здесь");
    EXPECT_THROW(choose_texts(only_foreign, tokenizer(), embedding(), kChoice), Error);
    EXPECT_THROW(choose_texts(lines(20), tokenizer(), embedding(), kChoice), Error);

    const std::vector<std::string> short_lines(500, "w1 w2");
    const CalibrationChoice brief = choose_texts(short_lines, tokenizer(), embedding(), kChoice);
    ASSERT_EQ(brief.warnings.size(), 1U);
    EXPECT_THAT(brief.warnings[0], HasSubstr("longest calibration text has 4 tokens"));
}

}  // namespace
}  // namespace polyformer::substitution
