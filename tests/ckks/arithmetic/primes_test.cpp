#include "polyformer/ckks/arithmetic/primes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "polyformer/support/error.h"

namespace polyformer::ckks {
namespace {

constexpr double kTarget = 1099511627776.0;  // 2^40

TEST(Primes, IsPrimeAgreesWithTrialDivision) {
    for (std::uint64_t candidate = 0; candidate < 20000; ++candidate) {
        bool prime = candidate >= 2;
        for (std::uint64_t divisor = 2; divisor * divisor <= candidate; ++divisor) prime &= candidate % divisor != 0;
        EXPECT_EQ(is_prime(candidate), prime) << candidate;
    }
}

TEST(Primes, IsPrimeKnowsHardNumbers) {
    EXPECT_TRUE(is_prime(18446744073709551557U));   // the largest below 2^64
    EXPECT_FALSE(is_prime(3825123056546413051U));   // passes the bases 2 to 23
    EXPECT_FALSE(is_prime(341550071728321U));       // passes the bases 2 to 17
    EXPECT_FALSE(is_prime(3215031751U));            // passes the bases 2 to 7
    EXPECT_FALSE(is_prime(1125899906842597U * 3));  // a 50-bit prime times 3
}

TEST(Primes, AlternatingSearchTakesTheNearest) {
    constexpr std::size_t kDimension = 1024;
    const auto nearest = primes_near(kTarget, kDimension, 8);
    // Every candidate that is at most as far as the last one found is found.
    const double radius = std::abs(static_cast<double>(nearest.back()) - kTarget);
    std::set<std::uint64_t> expected;
    const auto center = static_cast<std::uint64_t>(kTarget);
    const auto span = static_cast<std::uint64_t>(radius) / (2 * kDimension) + 2;
    for (std::uint64_t k = 0; k < 2 * span; ++k) {
        const std::uint64_t candidate = center + 1 + 2 * kDimension * k - 2 * kDimension * span;
        if (std::abs(static_cast<double>(candidate) - kTarget) <= radius && is_prime(candidate)) {
            expected.insert(candidate);
        }
    }
    EXPECT_EQ(std::set<std::uint64_t>(nearest.begin(), nearest.end()), expected);
    for (std::size_t i = 1; i < nearest.size(); ++i) {
        EXPECT_LE(std::abs(static_cast<double>(nearest[i - 1]) - kTarget),
                  std::abs(static_cast<double>(nearest[i]) - kTarget));
    }
}

TEST(Primes, DirectedSearchesStayOnTheirSideAndSkip) {
    const auto up = primes_near(kTarget, 65536, 5, PrimeSearch::ascending);
    const auto down = primes_near(kTarget, 65536, 5, PrimeSearch::descending);
    for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_EQ(up[i] % 131072, 1U);
        EXPECT_EQ(down[i] % 131072, 1U);
        EXPECT_GT(static_cast<double>(i == 0 ? up[i] : up[i] - up[i - 1]), i == 0 ? kTarget : 0);
        EXPECT_LT(static_cast<double>(down[i]), i == 0 ? kTarget : static_cast<double>(down[i - 1]));
    }
    const auto rest = primes_near(kTarget, 65536, 3, PrimeSearch::ascending, std::span(up).first(2));
    EXPECT_EQ(rest, std::vector(up.begin() + 2, up.end()));
}

TEST(Primes, AnExactTargetIsFoundFromEverySide) {
    const auto prime = primes_near(kTarget, 4096, 1, PrimeSearch::ascending)[0];
    for (const auto search : {PrimeSearch::ascending, PrimeSearch::descending, PrimeSearch::alternating}) {
        EXPECT_EQ(primes_near(static_cast<double>(prime), 4096, 1, search)[0], prime);
    }
}

TEST(Primes, FailsWhenNoneIsLeft) {
    EXPECT_THROW(primes_near(1048576, 131072, 1, PrimeSearch::descending), Error);
    EXPECT_THROW(primes_near(std::ldexp(1, 50), 131072, 1, PrimeSearch::ascending), Error);
    EXPECT_THROW(primes_near(std::ldexp(1, 51), 1024, 1), Error);
    EXPECT_THROW(primes_near(kTarget, 1000, 1), Error);
    EXPECT_THROW(primes_near(std::nan(""), 1024, 1), Error);
}

TEST(Primes, StaysBelowTheLimit) {
    for (const std::uint64_t prime : primes_near(std::ldexp(1, 50), 65536, 20)) EXPECT_LT(prime >> 50, 1U);
    for (const std::uint64_t prime : primes_near(1048577, 16, 20)) EXPECT_GT(prime >> 20, 0U);
}

}  // namespace
}  // namespace polyformer::ckks
