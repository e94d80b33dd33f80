#include "polyformer/substitution/polynomials/composed_inverse.h"

#include <gtest/gtest.h>

#include <cmath>

#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/support/error.h"
#include "tests/substitution/encoder.h"

namespace polyformer::substitution {
namespace {

using namespace model;

TEST(ComposedInverse, TheStartLevelsItsError) {
    // A linear p on [1, 3]: 1 − x·p(x) = T_2(x − 2) / T_2(−2) = (2(x − 2)² − 1) / 7, so that p = (8 − 2x) / 7.
    const Polynomial start = inverse_start({1, 3}, 1);
    ASSERT_EQ(start.coefficients.size(), 2U);
    EXPECT_NEAR(start.coefficients[0], 4.0 / 7, 1e-12);
    EXPECT_NEAR(start.coefficients[1], -2.0 / 7, 1e-12);
}

TEST(ComposedInverse, TheStartLeavesTheSquareOfItsDegreeLessToSpan) {
    const approx::Interval interval{1e-4, 1e4};
    const Polynomial start = inverse_start(interval, 31);
    const approx::ChebyshevPolynomial p{start.lower, start.upper, start.coefficients};
    double least = 10;
    double most = 0;
    for (double x = interval.lower; x <= interval.upper; x *= 1.01) {
        least = std::min(least, x * p(x));
        most = std::max(most, x * p(x));
    }
    EXPECT_GT(least, 0);
    EXPECT_LE(most, 2);
    EXPECT_LT(most / least, 1e8 / (31 * 31 / 2.0));
    const approx::Interval rest = inverse_rest(interval, 31);
    EXPECT_NEAR(rest.lower, least, 0.01 * least);
    EXPECT_NEAR(rest.upper, most, 1e-3);
}

TEST(ComposedInverse, KeepsTheFunction) {
    Graph graph = small_encoder();
    const Texts texts = random_texts(20, 5);
    const std::vector<Tensor> before = evaluate_texts(graph, texts, Functions::exact);
    compose_inverse(graph, node_named(graph, "inverse"), {1e-3, 1e4}, 7);
    validate(graph);
    EXPECT_EQ(std::get<Apply>(graph.nodes[node_named(graph, "inverse.rest")].operation).replaces, "reciprocal");
    const std::vector<Tensor> after = evaluate_texts(graph, texts, Functions::exact);
    for (std::size_t i = 0; i < before.size(); ++i) {
        for (std::size_t j = 0; j < before[i].values.size(); ++j) {
            EXPECT_NEAR(after[i].values[j], before[i].values[j], 1e-9);
        }
    }
}

TEST(ComposedInverse, RefusesWhatIsNoReciprocal) {
    Graph graph = small_encoder();
    EXPECT_THROW(compose_inverse(graph, node_named(graph, "activation"), {1, 2}, 7), Error);
    EXPECT_THROW(inverse_start({-1, 2}, 7), Error);
}

}  // namespace
}  // namespace polyformer::substitution
