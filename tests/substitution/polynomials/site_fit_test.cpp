#include "polyformer/substitution/polynomials/site_fit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "polyformer/approx/numerics/chebyshev_polynomial.h"
#include "polyformer/support/error.h"

namespace polyformer::substitution {
namespace {

/// A site as 300 texts of 20 normally distributed coordinates show it.
SiteStatistics site_of(const char* function, double mean, double deviation) {
    std::mt19937 random(9);
    std::normal_distribution<double> normal(mean, deviation);
    SiteStatistics site{.name = "site", .function = function, .coordinate = coordinate_of(function), .texts = {}};
    for (int text = 0; text < 300; ++text) {
        TextRange range{1e9, -1e9};
        for (int i = 0; i < 20; ++i) {
            const double x = normal(random);
            site.histogram.add(x);
            range = {std::min(range.smallest, x), std::max(range.largest, x)};
        }
        site.texts.push_back(range);
    }
    return site;
}

double value(const model::Polynomial& polynomial, double x) {
    return approx::ChebyshevPolynomial{polynomial.lower, polynomial.upper, polynomial.coefficients}(x);
}

TEST(SiteFit, IntervalsReachBeyondWhatWasSeenByTheWantedProbability) {
    const SiteStatistics site = site_of("gelu", 1, 2);
    const SiteInterval often = interval_of(site, 1e-2, 0);
    const SiteInterval seldom = interval_of(site, 1e-7, 0);
    double smallest = 0;
    double largest = 0;
    for (const TextRange& text : site.texts) {
        smallest = std::min(smallest, text.smallest);
        largest = std::max(largest, text.largest);
    }
    EXPECT_LE(often.interval.lower, smallest);
    EXPECT_GE(often.interval.upper, largest);
    // A value of the 20 lies beyond 1 ± 2·6.2 with a probability of about 1e-8.
    EXPECT_LT(seldom.interval.lower, 1 - 2 * 5.5);
    EXPECT_GT(seldom.interval.upper, 1 + 2 * 5.5);
    EXPECT_LT(seldom.interval.upper, 1 + 2 * 20);
    EXPECT_LE(seldom.escape, 2.1e-7);
    EXPECT_LT(interval_of(site, 1e-2, 0.2).escape, often.escape);
    SiteStatistics stressed = site;
    stressed.stress = {-50, 3};
    EXPECT_LE(interval_of(stressed, 1e-2, 0).interval.lower, -50);
}

TEST(SiteFit, IntervalsOfPositiveFunctionsStayPositive) {
    const SiteStatistics site = site_of("inverse_sqrt", 0, 1.5);
    const SiteInterval found = interval_of(site, 1e-6, 0.05);
    EXPECT_GT(found.interval.lower, 0);
    EXPECT_GT(found.interval.upper / found.interval.lower, std::exp(2 * 1.5 * 3.5));
    const SiteInterval sums = interval_of(site_of("reciprocal", 0, 1.5), 1e-6, 0.05);
    EXPECT_LT(sums.interval.lower, found.interval.lower / 2) << "room below costs nothing";
    EXPECT_DOUBLE_EQ(sums.interval.upper, found.interval.upper);
}

TEST(SiteFit, WhereNoiseWouldHideTheLeastInputIntervalsEnd) {
    SiteStatistics sums = site_of("reciprocal", 0, 1.5);
    double least = 0;
    double greatest = 0;
    for (const TextRange& text : sums.texts) {
        least = std::min(least, text.smallest);
        greatest = std::max(greatest, text.largest);
    }
    const SiteInterval reachable = cut_for_noise(sums, {{1e-9, std::exp(greatest + 1)}, 1e-7});
    EXPECT_DOUBLE_EQ(reachable.interval.upper, std::exp(greatest + 1));
    EXPECT_EQ(reachable.escape, 1e-7);
    const SiteInterval limited = cut_for_noise(sums, {{1e-9, 1e12}, 0});
    EXPECT_EQ(limited.interval.lower, 1e-9);
    EXPECT_LT(0x1p-22 * limited.interval.upper, std::exp(least) / 5);
    EXPECT_GT(0x1p-22 * limited.interval.upper, std::exp(least) / 50) << "but not before";
    EXPECT_GT(limited.escape, 0) << "what lies beyond is owned up to";
    sums.texts.push_back({0, 25});
    EXPECT_DOUBLE_EQ(cut_for_noise(sums, {{1e-9, 1e12}, 0}).interval.upper, std::exp(25.0))
        << "what was seen stays inside";
    EXPECT_EQ(cut_above(sums, {{1e-9, 10}, 1e-7}, 11).interval.upper, 10);
}

TEST(SiteFit, IsAccurateWhereInputsAreAndTameElsewhere) {
    const SiteStatistics site = site_of("gelu", 0, 1);
    const approx::Interval interval{-12, 12};
    const SiteFit fit = fit_site(site, interval, 31);
    const auto gelu = [](double x) { return x * std::erfc(-x / std::sqrt(2.0)) / 2; };
    double near = 0;
    double far = 0;
    for (double x = interval.lower; x <= interval.upper; x += 0.01) {
        const double error = std::abs(value(fit.polynomial, x) - gelu(x));
        (std::abs(x) < 2 ? near : far) = std::max(std::abs(x) < 2 ? near : far, error);
    }
    EXPECT_LT(near, 0.02);
    EXPECT_LT(far, 0.3);
    EXPECT_LT(near, far);
    EXPECT_FALSE(fit.relative);
    EXPECT_NEAR(fit.largest_error, std::max(near, far), 0.01);
}

TEST(SiteFit, ReciprocalsAreFittedInRelativeError) {
    const SiteStatistics site = site_of("reciprocal", 0, 0.7);
    const approx::Interval interval = interval_of(site, 1e-6, 0.05).interval;
    const SiteFit fit = fit_site(site, interval, 127);
    EXPECT_TRUE(fit.relative);
    EXPECT_LT(fit.mean_error, 0.12);
    for (double x = interval.lower; x <= interval.upper; x *= 1.02) {
        EXPECT_LE(std::abs(value(fit.polynomial, x) * x - 1), fit.largest_error * 1.02) << x;
    }
}

TEST(SiteFit, RefusesWhatWasNeverFinite) {
    const SiteStatistics nothing{.name = "site", .function = "gelu", .texts = {}, .lost = 3};
    EXPECT_THROW(interval_of(nothing, 1e-6, 0), Error);
    EXPECT_THROW(fit_site(site_of("unheard", 0, 1), {-1, 1}, 7), Error);
}

}  // namespace
}  // namespace polyformer::substitution
