#include "polyformer/substitution/softmax/score_shifts.h"

#include <gtest/gtest.h>

#include <cmath>

#include "polyformer/support/error.h"
#include "tests/substitution/encoder.h"

namespace polyformer::substitution {
namespace {

using namespace model;

TEST(ScoreShifts, BringTheSumsNearOneAndChangeNothingElse) {
    Graph graph = encoder_with_roots();
    const Texts texts = random_texts(400, 1);
    ShiftFit fit(graph);
    ASSERT_EQ(fit.attentions().size(), 1U);
    const NodeId sums = node_named(graph, "sums");
    double widest_before = 0;
    const std::vector<Tensor> before =
        evaluate_texts(graph, texts, Functions::exact, [&](NodeId node, std::span<const Tensor> values) {
            fit.observe(node, values);
            if (node != sums) return;
            for (const Tensor& tensor : values) {
                for (const double sum : tensor.values) widest_before = std::max(widest_before, std::abs(std::log(sum)));
            }
        });
    const std::vector<std::vector<HeadResidual>> residuals = fit.apply_to(graph);
    ASSERT_EQ(residuals.size(), 1U);
    ASSERT_EQ(residuals[0].size(), kHeads);

    double smallest = 0;
    double largest = 0;
    const std::vector<Tensor> after =
        evaluate_texts(graph, texts, Functions::exact, [&](NodeId node, std::span<const Tensor> values) {
            if (node != sums) return;
            for (const Tensor& tensor : values) {
                for (const double sum : tensor.values) {
                    smallest = std::min(smallest, std::log(sum));
                    largest = std::max(largest, std::log(sum));
                }
            }
        });
    for (std::size_t i = 0; i < before.size(); ++i) {
        for (std::size_t j = 0; j < before[i].values.size(); ++j) {
            EXPECT_NEAR(after[i].values[j], before[i].values[j], 1e-5);
        }
    }
    EXPECT_LT(std::max(-smallest, largest), widest_before);
    for (const HeadResidual& residual : residuals[0]) {
        // The logarithm of a sum is what the prediction has left; these texts are among those above.
        EXPECT_GE(residual.smallest, smallest - 1e-4);
        EXPECT_LE(residual.largest, largest + 1e-4);
        EXPECT_DOUBLE_EQ(residual.largest, residuals[0][0].largest) << "all heads end alike";
        EXPECT_GT(residual.deviation, 0);
    }
}

TEST(ScoreShifts, NeedTexts) {
    Graph graph = encoder_with_roots();
    EXPECT_THROW(ShiftFit(graph).apply_to(graph), Error);
}

}  // namespace
}  // namespace polyformer::substitution
