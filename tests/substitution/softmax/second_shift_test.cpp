#include "polyformer/substitution/softmax/second_shift.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/substitution/encoder.h"

namespace polyformer::substitution {
namespace {

using namespace model;

TEST(SecondShift, BringsSumsBetweenOneAKeyAndOneAndChangesNothingElse) {
    Graph graph = encoder_with_roots();
    const Texts texts = random_texts(100, 3);
    const std::vector<Tensor> before = evaluate_texts(graph, texts, Functions::exact);
    const std::size_t nodes = graph.nodes.size();
    std::vector<SoftmaxAttention> attentions = softmax_attentions(graph);
    ASSERT_EQ(attentions.size(), 1U);
    add_second_shift(graph, attentions, 0);
    EXPECT_EQ(graph.nodes[attentions[0].weights].name, "weights");
    EXPECT_EQ(graph.nodes[attentions[0].sums].name, "sums");
    ASSERT_EQ(softmax_attentions(graph).size(), 1U);
    EXPECT_EQ(softmax_attentions(graph)[0].shifted, attentions[0].shifted);
    EXPECT_NO_THROW(validate(graph));
    EXPECT_EQ(graph.nodes.size(), nodes + 5);

    const NodeId sums = node_named(graph, "sums");
    const NodeId scores = node_named(graph, "scores");
    std::vector<std::size_t> keys;
    double largest = 0;
    const std::vector<Tensor> after =
        evaluate_texts(graph, texts, Functions::exact, [&](NodeId node, std::span<const Tensor> values) {
            if (node == scores) {
                keys.clear();
                for (const Tensor& tensor : values) keys.push_back(tensor.columns);
            }
            if (node != sums) return;
            for (std::size_t i = 0; i < values.size(); ++i) {
                for (const double sum : values[i].values) {
                    EXPECT_GE(sum, 1 / static_cast<double>(keys[i]) - 1e-12);
                    EXPECT_LE(sum, 1 + 1e-12);
                    largest = std::max(largest, sum);
                }
            }
        });
    EXPECT_GT(largest, 0.5);
    for (std::size_t i = 0; i < before.size(); ++i) {
        for (std::size_t j = 0; j < before[i].values.size(); ++j) {
            EXPECT_NEAR(after[i].values[j], before[i].values[j], 1e-9);
        }
    }
}

}  // namespace
}  // namespace polyformer::substitution
