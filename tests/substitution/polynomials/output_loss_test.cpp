#include "polyformer/substitution/polynomials/output_loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace polyformer::substitution {
namespace {

using model::Tensor;

TEST(OutputLoss, CosineForgetsLengths) {
    const Tensor a{1, 2, {3, 4}};
    EXPECT_NEAR(loss_of(OutputLoss::cosine, a, {1, 2, {30, 40}}), 0, 1e-12);
    EXPECT_NEAR(loss_of(OutputLoss::cosine, a, {1, 2, {-4, 3}}), 1, 1e-12);
}

TEST(OutputLoss, DivergenceIsBetweenDistributions) {
    const double log3 = std::log(3.0);
    const Tensor original{2, 2, {0, log3, 5, 5}};  // 1/4 and 3/4; 1/2 and 1/2
    EXPECT_NEAR(loss_of(OutputLoss::divergence, original, {2, 2, {9, 9 + log3, 0, 0}}), 0, 1e-12);
    const double first = 0.25 * std::log(0.25 / 0.75) + 0.75 * std::log(0.75 / 0.25);
    EXPECT_NEAR(loss_of(OutputLoss::divergence, original, {2, 2, {log3, 0, 0, 0}}), first / 2, 1e-12);
}

TEST(OutputLoss, WhatIsNotFiniteIsLost) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const Tensor original{1, 2, {1, 2}};
    EXPECT_TRUE(std::isinf(loss_of(OutputLoss::cosine, original, {1, 2, {nan, 1}})));
    EXPECT_TRUE(std::isinf(loss_of(OutputLoss::divergence, original, {1, 2, {nan, 1}})));
    EXPECT_TRUE(std::isinf(loss_of(OutputLoss::cosine, original, {1, 2, {0, 0}})));
    const std::vector<Tensor> wanted{original, original};
    const std::vector<Tensor> given{original, {1, 2, {-2, 1}}};
    const LossSummary summary = losses_of(OutputLoss::cosine, wanted, given);
    EXPECT_NEAR(summary.mean, 0.5, 1e-12);
    EXPECT_NEAR(summary.largest, 1, 1e-12);
}

}  // namespace
}  // namespace polyformer::substitution
