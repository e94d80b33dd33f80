#include "polyformer/approx/fitting/histogram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "polyformer/support/error.h"
#include "tests/support/message_of.h"

namespace polyformer::approx {
namespace {

/// Bins of a normal distribution with this deviation over [−10, 10].
Histogram normal_histogram(double deviation) {
    Histogram histogram;
    for (int i = 0; i <= 80; ++i) histogram.edges.push_back(-10 + i * 0.25);
    for (int i = 0; i < 80; ++i) {
        const double x = -10 + (i + 0.5) * 0.25;
        histogram.counts.push_back(std::round(1e6 * std::exp(-x * x / (2 * deviation * deviation))));
    }
    return histogram;
}

double rms_of(const TargetFunction& target, const ChebyshevPolynomial& polynomial, const Histogram& histogram) {
    double squares = 0;
    double mass = 0;
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
        for (int j = 0; j < 50; ++j) {
            const double x = histogram.edges[i] + (j + 0.5) / 50 * (histogram.edges[i + 1] - histogram.edges[i]);
            if (x < polynomial.lower || x > polynomial.upper) continue;
            squares += histogram.counts[i] * std::pow(target(x) - polynomial(x), 2);
            mass += histogram.counts[i];
        }
    }
    return std::sqrt(squares / mass);
}

TEST(WeightedLeastSquares, BeatsMinimaxWhereTheInputsAre) {
    const TargetFunction target = target_function("gelu");
    const Interval interval{-9, 9};
    const Histogram histogram = normal_histogram(1.2);
    const WeightedApproximation fitted = weighted_least_squares(target, interval, 8, histogram);
    const Approximation uniform = minimax(target, interval, 8);
    EXPECT_NEAR(fitted.weighted_rms, rms_of(target, fitted.approximation.polynomial, histogram),
                1e-3 * fitted.weighted_rms);
    EXPECT_LT(fitted.weighted_rms, 0.6 * rms_of(target, uniform.polynomial, histogram));
    EXPECT_GT(fitted.approximation.max_grid_error, uniform.max_grid_error);
    EXPECT_GE(fitted.approximation.certified_error, fitted.approximation.max_grid_error);
    EXPECT_NEAR(fitted.mass_outside, 0, 1e-6);
}

TEST(WeightedLeastSquares, FloorTamesWhatTheInputsDoNotReach) {
    const TargetFunction target = target_function("gelu");
    const Histogram narrow{{-1, 1}, {100}};
    const double wild = weighted_least_squares(target, {-6, 6}, 10, narrow, 1e-9).approximation.max_grid_error;
    const double tame = weighted_least_squares(target, {-6, 6}, 10, narrow, 0.05).approximation.max_grid_error;
    EXPECT_GT(wild, 4 * tame);
    EXPECT_LT(tame, 0.2);
}

TEST(WeightedLeastSquares, SayHowManyInputsFallOutside) {
    const Histogram histogram{{-4, -2, 0, 2, 6}, {10, 20, 30, 40}};
    // [−3, 4] holds half of the first bin and half of the last.
    EXPECT_NEAR(weighted_least_squares(target_function("silu"), {-3, 4}, 5, histogram).mass_outside, 0.25, 1e-12);
}

TEST(DensityWeight, ConcentratesTheMinimaxError) {
    const TargetFunction target = target_function("gelu");
    const Interval interval{-9, 9};
    const Histogram histogram = normal_histogram(1.2);
    const Weight weight = density_weight(histogram, interval);
    EXPECT_GT(weight.at(0), 5 * weight.at(6));
    EXPECT_NEAR(weight.at(8.9), std::sqrt(default_floor), 1e-3);
    const Approximation weighted = minimax(target, interval, 8, weight);
    const Approximation plain = minimax(target, interval, 8);
    EXPECT_LT(rms_of(target, weighted.polynomial, histogram), rms_of(target, plain.polynomial, histogram));
}

TEST(HistogramErrors, NameValuesAndRemedy) {
    using ::testing::HasSubstr;
    const TargetFunction target = target_function("gelu");
    const double infinity = std::numeric_limits<double>::infinity();
    const auto fit = [&](const Histogram& histogram, double floor = 0.01) {
        return message_of([&] { weighted_least_squares(target, {-1, 1}, 3, histogram, floor); });
    };
    EXPECT_THAT(fit({{0, 1}, {1, 2}}), HasSubstr("2 counts has 2 edges"));
    EXPECT_THAT(fit({{}, {}}), HasSubstr("0 counts"));
    EXPECT_THAT(fit({{0, 1, 1}, {1, 2}}), HasSubstr("edges 1 and 2 of the histogram are 1 and 1"));
    EXPECT_THAT(fit({{0, 1, infinity}, {1, 2}}), HasSubstr("must be finite"));
    EXPECT_THAT(fit({{0, 0.5, 1}, {1, -2}}), HasSubstr("count 1 of the histogram is -2"));
    EXPECT_THAT(fit({{0, 1}, {0}}), HasSubstr("add up to 0"));
    EXPECT_THAT(fit({{5, 6}, {3}}), HasSubstr("spans [5, 6]"));
    EXPECT_THAT(fit({{0, 1}, {1}}, 0), HasSubstr("a floor of 0"));
    EXPECT_THAT(message_of([&] { density_weight({{0, 1}, {1}}, {2, 1}); }), HasSubstr("[2, 1] is empty"));
}

}  // namespace
}  // namespace polyformer::approx
