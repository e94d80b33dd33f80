#include "polyformer/substitution/softmax/attention.h"

#include <gtest/gtest.h>

#include "tests/substitution/encoder.h"

namespace polyformer::substitution {
namespace {

using namespace model;

TEST(Attention, AnExponentialAsASquareChangesNothing) {
    const Graph exact = small_encoder();
    Graph squared = exact;
    square_exponentials(squared);
    EXPECT_NO_THROW(validate(squared));
    EXPECT_EQ(squared.nodes.size(), exact.nodes.size() + 1);
    const Texts texts = random_texts(20, 5);
    const std::vector<Tensor> wanted = evaluate_texts(exact, texts, Functions::exact);
    const std::vector<Tensor> given = evaluate_texts(squared, texts, Functions::exact);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        for (std::size_t j = 0; j < wanted[i].values.size(); ++j) {
            EXPECT_NEAR(given[i].values[j], wanted[i].values[j], 1e-12);
        }
    }
}

TEST(Attention, IsFoundByTheSquareOfItsRoot) {
    EXPECT_TRUE(softmax_attentions(small_encoder()).empty());
    const Graph graph = encoder_with_roots();
    const std::vector<SoftmaxAttention> found = softmax_attentions(graph);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(graph.nodes[found[0].root].name, "root");
    EXPECT_EQ(std::get<Apply>(graph.nodes[found[0].root].operation).replaces, "exp_half");
    EXPECT_EQ(graph.nodes[found[0].weights].name, "weights");
    EXPECT_EQ(graph.nodes[found[0].values].name, "values");
    EXPECT_EQ(graph.nodes[found[0].sums].name, "sums");
    EXPECT_EQ(found[0].heads, kHeads);
    EXPECT_FALSE(has_second_shift(graph, found[0]));
}

}  // namespace
}  // namespace polyformer::substitution
