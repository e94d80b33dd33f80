#include "polyformer/substitution/prefix_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <random>

#include "polyformer/support/system/atomic_file.h"
#include "tests/substitution/encoder.h"

namespace polyformer::substitution {
namespace {

using testing::HasSubstr;
using Ids = std::vector<std::int32_t>;

/// Words w1 ... w7; where `mark` is set "<s>" is token 0.
model::Tokenizer tokenizer(bool mark) {
    nlohmann::json vocabulary = {{mark ? "<s>" : "w0", 0}};
    for (int i = 1; i < 8; ++i) vocabulary["w" + std::to_string(i)] = i;
    const nlohmann::json document = {{"version", "1.0"},
                                     {"truncation", nullptr},
                                     {"padding", nullptr},
                                     {"added_tokens", nlohmann::json::array()},
                                     {"normalizer", nullptr},
                                     {"pre_tokenizer", {{"type", "WhitespaceSplit"}}},
                                     {"post_processor", nullptr},
                                     {"decoder", nullptr},
                                     {"model", {{"type", "WordLevel"}, {"vocab", vocabulary}, {"unk_token", "w1"}}}};
    const std::filesystem::path file =
        std::filesystem::temp_directory_path() / ("polyformer-prefix-" + std::to_string(::getpid()) + ".json");
    write_file(file, document.dump());
    model::Tokenizer made(file);
    std::filesystem::remove(file);
    return made;
}

/// Random tokens and positions; whatever stands at place `huge` has features thousands of times larger.
model::Embedding embedding(std::size_t huge) {
    std::mt19937 random(3);
    std::normal_distribution<float> normal(0, 0.5F);
    model::Embedding made{{8, kWidth, std::vector<float>(8 * kWidth)},
                          {kContext, kWidth, std::vector<float>(kContext * kWidth)}};
    for (float& x : made.tokens.values) x = normal(random);
    for (float& x : made.positions.values) x = normal(random);
    if (huge < kContext) {
        for (std::size_t j = 0; j < kWidth; ++j) made.positions.values[huge * kWidth + j] *= 5000;
    }
    return made;
}

/// One whose tokens see nothing of each other.
model::Graph decoder() {
    model::Graph graph = small_decoder(false);
    for (const char* name : {"query", "value"}) {
        auto& map = std::get<model::Linear>(graph.nodes[node_named(graph, name)].operation);
        map.weight.values.assign(map.weight.values.size(), 0.0F);
        map.bias.assign(map.bias.size(), 0.0F);
    }
    return graph;
}

const PrefixTexts kTexts{{{1, 2, 3}, {4, 4, 5, 4}, {7, 4, 2}, {4, 6}}, {}};

TEST(PrefixSearch, TakesNoneWhereNothingGrows) {
    const PrefixChoice choice = choose_prefix(decoder(), embedding(kContext), tokenizer(true), kTexts, true);
    EXPECT_TRUE(choice.chosen().tokens.empty());
    EXPECT_EQ(choice.tried.size(), 1U);
    EXPECT_THAT(describe_prefix(to_json(choice, tokenizer(true))), HasSubstr("no public prefix"));
}

TEST(PrefixSearch, TakesTheMarkOfBeginningWhereItIsEnough) {
    const PrefixChoice choice = choose_prefix(decoder(), embedding(0), tokenizer(true), kTexts, true);
    EXPECT_EQ(choice.chosen().tokens, Ids{0});
    EXPECT_GT(choice.tried[0].effect.ratio, 1000);
    EXPECT_LT(choice.chosen().effect.ratio, 1000);
    const auto document = to_json(choice, tokenizer(true));
    EXPECT_THAT(document["text"].get<std::string>(), HasSubstr("<s>"));
    EXPECT_THAT(describe_prefix(document), HasSubstr("public prefix [0] ("));
}

TEST(PrefixSearch, TriesFrequentTokensWithoutAMarkAndBehindOne) {
    const PrefixChoice alone = choose_prefix(decoder(), embedding(0), tokenizer(false), kTexts, true);
    EXPECT_EQ(alone.chosen().tokens.size(), 1U);
    EXPECT_EQ(alone.tried[1].tokens, Ids{4}) << "the most frequent one first";
    const PrefixChoice two = choose_prefix(decoder(), embedding(1), tokenizer(true), kTexts, true);
    ASSERT_EQ(two.chosen().tokens.size(), 2U);
    EXPECT_EQ(two.chosen().tokens[0], 0);
}

TEST(PrefixSearch, HeedsStressTexts) {
    // Token 6 grows a huge feature, and the texts do without it.
    model::Embedding client = embedding(kContext);
    for (std::size_t j = 0; j < kWidth; ++j) client.tokens.values[6 * kWidth + j] *= 5000;
    const std::vector<Ids> texts{{1, 2, 3}, {4, 4, 5, 4}, {7, 4, 2}};
    const model::Graph graph = decoder();
    EXPECT_TRUE(choose_prefix(graph, client, tokenizer(true), {texts, {}}, true).chosen().tokens.empty());
    const PrefixTexts stressed{texts, {{6, 1, 2, 3}, {3, 6, 1, 5}}};
    const PrefixChoice heeded = choose_prefix(graph, client, tokenizer(true), stressed, true);
    EXPECT_GT(heeded.tried.size(), 1U);
    EXPECT_EQ(heeded.tried[0].effect.huge, 0U);
    EXPECT_EQ(heeded.tried[0].huge_stress, 2U);
    EXPECT_EQ(to_json(heeded, tokenizer(true))["tried"][0]["huge_stress"], 2);
}

TEST(PrefixSearch, TriesFewerAndFewerOnStressTexts) {
    // Behind two tokens no text grows a huge feature, and of the stress texts only the one with token 6.
    model::Embedding client = embedding(1);
    for (std::size_t j = 0; j < kWidth; ++j) client.tokens.values[6 * kWidth + j] *= 5000;
    const std::vector<Ids> texts{{1, 2, 3}, {4, 4, 5, 4}, {7, 4, 2}};
    PrefixTexts stressed{texts, std::vector<Ids>(100, Ids{3, 5, 2})};
    stressed.stress.back() = {6, 1};
    const PrefixChoice choice = choose_prefix(decoder(), client, tokenizer(true), stressed, true);
    EXPECT_EQ(choice.tried[0].stress, 0U) << "alone and known to be bad";
    EXPECT_EQ(choice.chosen().tokens.size(), 2U);
    EXPECT_EQ(choice.chosen().stress, 100U);
    EXPECT_EQ(choice.chosen().huge_stress, 1U);
    EXPECT_DOUBLE_EQ(choice.chosen().huge_share(), 1.0 / 103);
    EXPECT_EQ(to_json(choice, tokenizer(true))["tried"][0]["stress"], 0);
}

TEST(PrefixSearch, SaysWhatTheOneAskedForDoes) {
    const PrefixChoice choice = try_prefix(decoder(), embedding(0), {5, 2}, kTexts, true);
    EXPECT_EQ(choice.chosen().tokens, (Ids{5, 2}));
    EXPECT_EQ(choice.tried.size(), 2U);
    EXPECT_TRUE(try_prefix(decoder(), embedding(0), {}, kTexts, true).chosen().tokens.empty());
}

TEST(PrefixSearch, TheEmbeddingBehindAPrefixBeginsThere) {
    const model::Embedding whole = embedding(0);
    const model::Embedding rest = behind_prefix(whole, 2, 3);
    EXPECT_EQ(rest.places(), 3U);
    const Ids tokens{1, 2, 3, 4, 5};
    const model::Tensor all = whole.embed(tokens);
    const model::Tensor text = rest.embed(std::span(tokens).subspan(2));
    for (std::size_t i = 0; i < text.values.size(); ++i) EXPECT_EQ(text.values[i], all.values[2 * kWidth + i]);
}

}  // namespace
}  // namespace polyformer::substitution
