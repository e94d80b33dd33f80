#include "polyformer/substitution/measurement/value_histogram.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "polyformer/support/error.h"

namespace polyformer::substitution {
namespace {

std::vector<double> values_of(unsigned seed, std::size_t count, double size) {
    std::mt19937 random(seed);
    std::normal_distribution<double> normal(0, size);
    std::vector<double> values(count);
    for (double& value : values) value = normal(random);
    return values;
}

TEST(ValueHistogram, CountsEveryValueInABinThatHoldsIt) {
    const std::vector<double> values{-3, -1e-9, 0, 1e-9, 0.3, 0.3, 5};
    ValueHistogram histogram;
    for (const double value : values) histogram.add(value);
    const approx::Histogram bins = histogram.histogram(ValueHistogram::kMostBins);
    approx::validate(bins);
    EXPECT_LE(bins.counts.size(), ValueHistogram::kMostBins);
    for (std::size_t i = 0; i < bins.counts.size(); ++i) {
        double inside = 0;
        for (const double value : values) inside += value >= bins.edges[i] && value < bins.edges[i + 1] ? 1 : 0;
        EXPECT_EQ(bins.counts[i], inside) << "from " << bins.edges[i];
    }
}

TEST(ValueHistogram, OrderAndMergesAreOfNoMatter) {
    const std::vector<double> near = values_of(1, 500, 1e-3);
    const std::vector<double> far = values_of(2, 500, 1e4);
    ValueHistogram forward;
    ValueHistogram backward;
    ValueHistogram parts[2];
    for (const double value : near) forward.add(value), parts[0].add(value);
    for (const double value : far) forward.add(value), backward.add(value), parts[1].add(value);
    for (const double value : near) backward.add(value);
    parts[0].merge(parts[1]);
    const approx::Histogram expected = forward.histogram(64);
    for (const ValueHistogram* other : {&backward, &parts[0]}) {
        EXPECT_EQ(other->histogram(64).edges, expected.edges);
        EXPECT_EQ(other->histogram(64).counts, expected.counts);
    }
    EXPECT_EQ(forward.total(), 1000);
}

TEST(ValueHistogram, HoldsValuesOfAnySize) {
    ValueHistogram histogram;
    for (const double value : {1e-300, 1e300, -1e300, 0.0}) histogram.add(value);
    EXPECT_EQ(histogram.total(), 4);
    EXPECT_GE(histogram.histogram(64).edges.back(), 1e300);
}

TEST(ValueHistogram, QuantilesAreThoseOfTheValues) {
    ValueHistogram histogram;
    for (int i = 0; i < 1000; ++i) histogram.add(i / 1000.0);
    EXPECT_NEAR(histogram.quantile(0.25), 0.25, 0.002);
    EXPECT_NEAR(histogram.quantile(0.999), 0.999, 0.002);
    EXPECT_THROW(ValueHistogram().quantile(0.5), Error);
    EXPECT_THROW(ValueHistogram().histogram(4), Error);
}

}  // namespace
}  // namespace polyformer::substitution
