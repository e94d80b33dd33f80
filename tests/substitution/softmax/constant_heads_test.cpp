#include "polyformer/substitution/softmax/constant_heads.h"

#include <gtest/gtest.h>

#include <cmath>

#include "polyformer/support/error.h"
#include "tests/substitution/encoder.h"

namespace polyformer::substitution {
namespace {

using namespace model;

std::vector<ConstantHead> find_in(const Graph& graph, const Texts& texts, double most_spread) {
    PatternFit patterns(graph);
    evaluate_texts(graph, texts, Functions::exact,
                   [&](NodeId node, std::span<const Tensor> values) { patterns.observe(node, values); });
    return patterns.find(most_spread);
}

TEST(ConstantHeads, FindsTheHeadThatLooksAtThePreviousToken) {
    const std::vector<ConstantHead> found = find_in(encoder_with_roots(true), random_texts(200, 4), 0.02);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].head, 0U);
    for (std::size_t q = 2; q < kContext; ++q) {
        EXPECT_GT(found[0].pattern[q * kContext + q - 1], 0.9F) << "query " << q;
    }
    EXPECT_TRUE(find_in(encoder_with_roots(false), random_texts(200, 4), 0.02).empty());
}

TEST(ConstantHeads, AFoldedHeadKeepsTheOutput) {
    Graph graph = encoder_with_roots(true);
    const Texts texts = random_texts(200, 4);
    const std::vector<Tensor> before = evaluate_texts(graph, texts, Functions::exact);
    const ConstantHead head = find_in(graph, texts, 0.02).at(0);
    fold(graph, softmax_attentions(graph).at(0), head);
    validate(graph);
    const NodeId weights = node_named(graph, "weights");
    const std::vector<Tensor> after =
        evaluate_texts(graph, texts, Functions::exact, [&](NodeId node, std::span<const Tensor> values) {
            if (node != weights) return;
            for (const Tensor& tensor : values) {
                for (std::size_t i = 0; i < tensor.values.size() / kHeads; ++i) EXPECT_EQ(tensor.values[i], 1);
            }
        });
    for (std::size_t i = 0; i < before.size(); ++i) {
        for (std::size_t j = 0; j < before[i].values.size(); ++j) {
            EXPECT_NEAR(after[i].values[j], before[i].values[j], 0.05);
        }
    }
}

TEST(ConstantHeads, PlacesThatFewTextsHadFollowTheDistance) {
    // No text is longer than 3 tokens, but the pattern goes on.
    Texts texts = random_texts(200, 4);
    for (auto& ids : texts.tokens) ids.resize(std::min<std::size_t>(ids.size(), 3));
    const std::vector<ConstantHead> found = find_in(encoder_with_roots(true), texts, 0.02);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_GT(found[0].pattern[5 * kContext + 4], 0.6F);
}

TEST(ConstantHeads, RefusesQueriesThatAreNoMapOfTheirOwn) {
    Graph graph = encoder_with_roots(true);
    graph.nodes[node_named(graph, "query")].operation = Centre{0};
    const ConstantHead head{.pattern = std::vector<float>(kContext * kContext)};
    EXPECT_THROW(fold(graph, softmax_attentions(graph).at(0), head), Error);
}

}  // namespace
}  // namespace polyformer::substitution
