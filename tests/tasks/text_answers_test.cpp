#include "polyformer/tasks/text_answers.h"

#include <gtest/gtest.h>

#include "polyformer/model/interpreter/interpreter.h"

namespace polyformer::tasks {
namespace {

/// One feature a token; the square, taken as a polynomial on [-1, 1]; the mean over tokens.
model::Graph squares() {
    model::Graph graph{.context = 8, .width = 1, .vocabulary = 1, .nodes = {}};
    graph.nodes.push_back({"input", model::Input{}, 1});
    graph.nodes.push_back(
        {"square",
         model::Apply{
             .input = 0, .polynomial = {.lower = -1, .upper = 1, .coefficients = {0.5, 0, 0.5}}, .replaces = "square"},
         1});
    graph.nodes.push_back({"mean", model::TokenMean{1}, 1});
    return graph;
}

/// Digits as tenths.
model::Tensor embed(const std::string& text) {
    model::Tensor tensor{text.size(), 1, {}};
    for (const char c : text) tensor.values.push_back((c - '0') / 5.0);
    return tensor;
}

TEST(TextAnswers, ComeInTheTextsOrder) {
    const std::vector<std::string> texts{"5432", "1", "9", "22"};
    double share = 0;
    const TextAnswers answers =
        answer_texts(squares(), texts, embed, model::Functions::polynomials, [&](double done) { share = done; });
    ASSERT_EQ(answers.logits.size(), 4U);
    EXPECT_NEAR(answers.logits[0].values[0], (25 + 16 + 9 + 4) / 100.0, 1e-15);
    EXPECT_NEAR(answers.logits[1].values[0], 0.04, 1e-15);
    EXPECT_NEAR(answers.logits[3].values[0], 0.16, 1e-15);
    EXPECT_EQ(share, 1);
    ASSERT_EQ(answers.intervals.size(), 1U);
    EXPECT_EQ(answers.intervals[0].values, 8U);
    EXPECT_EQ(answers.intervals[0].outside, 1U);  // 9 / 5
    EXPECT_EQ(answers.texts_outside, 1U);
    EXPECT_TRUE(answer_texts(squares(), texts, embed, model::Functions::exact).intervals.empty());
    EXPECT_TRUE(answer_texts(squares(), {}, embed, model::Functions::exact).logits.empty());
}

TEST(TextAnswers, ManyTextsAreCutIntoBatches) {
    const std::vector<std::string> texts(3000, "123");
    int calls = 0;
    const TextAnswers answers =
        answer_texts(squares(), texts, embed, model::Functions::polynomials, [&](double) { ++calls; });
    EXPECT_GT(calls, 1);
    for (const model::Tensor& logits : answers.logits) ASSERT_NEAR(logits.values[0], 14 / 75.0, 1e-14);
}

}  // namespace
}  // namespace polyformer::tasks
