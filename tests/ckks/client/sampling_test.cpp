#include "polyformer/ckks/client/sampling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "polyformer/support/error.h"

// Thresholds are such that a correct sampler fails one run in 2^40 or less.
namespace polyformer::ckks {
namespace {

constexpr std::size_t kCount = std::size_t{1} << 20;

TEST(Gaussian, HasTheMeanAndVarianceOfItsDistribution) {
    std::vector<std::int8_t> samples(kCount);
    sample_gaussian(samples);
    double sum = 0;
    double squares = 0;
    double lagged = 0;
    for (std::size_t i = 0; i < kCount; ++i) {
        sum += samples[i];
        squares += samples[i] * samples[i];
        lagged += samples[i] * samples[(i + 1) % kCount];
    }
    const double n = kCount;
    const double variance = kErrorDeviation * kErrorDeviation;
    EXPECT_LT(std::abs(sum / n), 7.5 * kErrorDeviation / std::sqrt(n));
    EXPECT_LT(std::abs(squares / n - variance), 7.5 * variance * std::sqrt(2 / n));
    EXPECT_LT(std::abs(lagged / n), 7.5 * variance / std::sqrt(n));
}

TEST(Gaussian, FollowsTheDiscreteGaussian) {
    constexpr int kEdge = 12;  // beyond, bins are merged
    std::vector<std::int8_t> samples(kCount);
    sample_gaussian(samples);
    std::vector<double> expected(2 * kEdge + 1);
    std::vector<double> observed(2 * kEdge + 1);
    double total = 0;
    for (int x = -60; x <= 60; ++x) total += std::exp(-x * x / (2 * kErrorDeviation * kErrorDeviation));
    for (int x = -60; x <= 60; ++x) {
        const auto bin = static_cast<std::size_t>(std::clamp(x, -kEdge, kEdge) + kEdge);
        expected[bin] += kCount * std::exp(-x * x / (2 * kErrorDeviation * kErrorDeviation)) / total;
    }
    int largest = 0;
    for (const std::int8_t x : samples) {
        observed[static_cast<std::size_t>(std::clamp<int>(x, -kEdge, kEdge) + kEdge)] += 1;
        largest = std::max(largest, std::abs(x));
    }
    double chi_square = 0;
    for (std::size_t bin = 0; bin < expected.size(); ++bin) {
        chi_square += (observed[bin] - expected[bin]) * (observed[bin] - expected[bin]) / expected[bin];
    }
    EXPECT_LT(chi_square, 130);  // 24 degrees of freedom: 2^-40 lies at 105
    EXPECT_GE(largest, 12);
    EXPECT_LE(largest, 30);
}

TEST(Ternary, IsUniform) {
    std::vector<std::int8_t> samples(kCount);
    sample_ternary(samples);
    std::vector<double> counts(3);
    for (const std::int8_t x : samples) {
        ASSERT_GE(x, -1);
        ASSERT_LE(x, 1);
        counts[static_cast<std::size_t>(x + 1)] += 1;
    }
    double chi_square = 0;
    const double expected = kCount / 3.0;
    for (const double count : counts) chi_square += (count - expected) * (count - expected) / expected;
    EXPECT_LT(chi_square, 60);  // two degrees of freedom: exp(-30)
}

TEST(SparseTernary, HasItsWeightAnywhere) {
    constexpr std::size_t kLength = 64;
    constexpr std::size_t kWeight = 24;
    constexpr int kRuns = 4096;
    std::vector<double> uses(kLength);
    double sum = 0;
    for (int run = 0; run < kRuns; ++run) {
        std::vector<std::int8_t> samples(kLength);
        sample_sparse_ternary(samples, kWeight);
        std::size_t weight = 0;
        for (std::size_t i = 0; i < kLength; ++i) {
            weight += samples[i] != 0 ? 1U : 0U;
            uses[i] += samples[i] != 0 ? 1 : 0;
            sum += samples[i];
        }
        ASSERT_EQ(weight, kWeight);
    }
    const double share = static_cast<double>(kWeight) / kLength;
    for (const double count : uses) {
        EXPECT_LT(std::abs(count - kRuns * share), 8 * std::sqrt(kRuns * share * (1 - share)));
    }
    EXPECT_LT(std::abs(sum), 8 * std::sqrt(static_cast<double>(kRuns * kWeight)));
    std::vector<std::int8_t> few(8);
    sample_sparse_ternary(few, 8);
    EXPECT_EQ(std::count(few.begin(), few.end(), 0), 0);
    EXPECT_THROW(sample_sparse_ternary(few, 9), Error);
}

TEST(WipeOnExit, LeavesZeros) {
    std::vector<std::int8_t> secret(100, 1);
    { const WipeOnExit<std::int8_t> wiper(secret); }
    EXPECT_THAT(secret, ::testing::Each(0));
}

}  // namespace
}  // namespace polyformer::ckks
