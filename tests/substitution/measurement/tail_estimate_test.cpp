#include "polyformer/substitution/measurement/tail_estimate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "polyformer/support/error.h"

namespace polyformer::substitution {
namespace {

template <class Draw>
std::vector<double> draws(std::size_t count, Draw draw) {
    std::mt19937 random(3);
    std::vector<double> values(count);
    for (double& value : values) value = draw(random);
    return values;
}

TEST(TailEstimate, FindsTheQuantilesOfAnExponentialTail) {
    const Tail tail = estimate_tail(draws(2000, std::exponential_distribution<double>(0.5)));
    // P(X > x) = e^(−x/2); the scale is taken two standard errors (14 % at 200 peaks) up.
    const double exact = 2 * std::log(1e6);
    EXPECT_GT(tail.quantile(1e-6), 0.9 * exact);
    EXPECT_LT(tail.quantile(1e-6), 1.5 * exact);
    EXPECT_NEAR(tail.exceedance(tail.quantile(1e-6)), 1e-6, 1e-8);
}

TEST(TailEstimate, ReachesFartherForAHeavierTail) {
    const auto draws_of = [](double shape) {
        return draws(2000, [shape](auto& random) {
            const double u = std::uniform_real_distribution<double>(0, 1)(random);
            return std::expm1(-shape * std::log(u)) / shape;  // a generalised Pareto distribution
        });
    };
    const Tail heavy = estimate_tail(draws_of(0.2));
    const Tail light = estimate_tail(draws_of(-0.3));
    EXPECT_GT(heavy.shape, 0.05);
    EXPECT_LT(light.shape, 0);
    EXPECT_GT(heavy.quantile(1e-6), 30);
    EXPECT_LT(light.quantile(1e-6), 8);  // the distribution ends at 1 / 0.3
    EXPECT_LT(estimate_tail(draws_of(0.2), 0).quantile(1e-6), heavy.quantile(1e-6));
}

TEST(TailEstimate, LessTextMeansMoreCaution) {
    const std::vector<double> all = draws(4000, std::exponential_distribution<double>(1));
    const double with_all = estimate_tail(all).quantile(1e-5);
    const double with_few = estimate_tail(std::span(all).first(100)).quantile(1e-5);
    EXPECT_GT(with_few, with_all * 0.9);
    EXPECT_GE(estimate_tail(std::span(all).first(1)).quantile(1e-5), all[0]);
}

TEST(TailEstimate, NeverFallsBelowWhatWasSeen) {
    const Tail same = estimate_tail(std::vector<double>(50, 3.0));
    EXPECT_EQ(same.quantile(1e-9), 3);
    EXPECT_EQ(same.exceedance(3), 0);
    const Tail tail = estimate_tail(draws(100, std::normal_distribution<double>(0, 1)));
    EXPECT_GE(tail.quantile(0.5), tail.largest);
}

TEST(TailEstimate, RefusesWhatHasNoTail) {
    EXPECT_THROW(estimate_tail({}), Error);
    EXPECT_THROW(estimate_tail(std::vector{1.0, std::numeric_limits<double>::quiet_NaN()}), Error);
}

}  // namespace
}  // namespace polyformer::substitution
