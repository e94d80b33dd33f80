#include "polyformer/ckks/arithmetic/modulus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "polyformer/ckks/arithmetic/primes.h"
#include "polyformer/support/error.h"
#include "tests/ckks/arithmetic/random_residues.h"

namespace polyformer::ckks {
namespace {

class ModulusTest : public ::testing::TestWithParam<int> {
  protected:
    Modulus q{prime_of_bits(GetParam(), 16)};
    Uint128 wide_q{q.value()};
};

TEST_P(ModulusTest, AgreesWithDivision) {
    const AlignedWords a = random_residues(2000, q, 1);
    const AlignedWords b = random_residues(2000, q, 2);
    for (std::size_t i = 0; i < a.size(); ++i) {
        EXPECT_EQ(q.add(a[i], b[i]), (a[i] + b[i]) % q.value());
        EXPECT_EQ(q.subtract(a[i], b[i]), (a[i] + q.value() - b[i]) % q.value());
        EXPECT_EQ(q.add(a[i], q.negate(a[i])), 0U);
        EXPECT_LT(q.negate(a[i]), q.value());
        EXPECT_EQ(q.multiply(a[i], b[i]), static_cast<std::uint64_t>(Uint128{a[i]} * b[i] % wide_q));
    }
}

TEST_P(ModulusTest, ShoupMultiplicationTakesAnything52Bit) {
    const AlignedWords constants = random_residues(2000, q, 3);
    std::mt19937_64 generator(4);
    for (const std::uint64_t constant : constants) {
        const ShoupFactor factor = q.shoup(constant);
        EXPECT_EQ(factor.quotient, static_cast<std::uint64_t>((Uint128{constant} << 52) / wide_q));
        for (const std::uint64_t a : {generator() >> 12, (std::uint64_t{1} << 52) - 1, std::uint64_t{0}}) {
            EXPECT_EQ(q.multiply(a, factor), static_cast<std::uint64_t>(Uint128{a} * constant % wide_q));
            EXPECT_LT(q.multiply_lazy(a, factor), 2 * q.value());
        }
    }
}

TEST_P(ModulusTest, ReducesNumbersOfEveryLength) {
    std::mt19937_64 generator(5);
    for (int shift = 0; shift < 128; ++shift) {
        const Uint128 wide = ((Uint128{generator()} << 64) | generator()) >> shift;
        const auto narrow = static_cast<std::uint64_t>(wide);
        EXPECT_EQ(q.reduce_wide(wide), static_cast<std::uint64_t>(wide % wide_q));
        EXPECT_EQ(q.reduce(narrow), narrow % q.value());
    }
    EXPECT_EQ(q.reduce_wide(~Uint128{0}), static_cast<std::uint64_t>(~Uint128{0} % wide_q));
    EXPECT_EQ(q.reduce(~std::uint64_t{0}), ~std::uint64_t{0} % q.value());
}

TEST_P(ModulusTest, SignedNumbersRoundTrip) {
    for (const std::uint64_t a : random_residues(200, q, 6)) {
        EXPECT_EQ(q.reduce_signed(q.centered(a)), a);
        EXPECT_LE(std::abs(q.centered(a)), static_cast<std::int64_t>(q.value() / 2));
    }
    EXPECT_EQ(q.reduce_signed(-1), q.value() - 1);
    EXPECT_EQ(q.add(q.reduce_signed(INT64_MIN), q.reduce(std::uint64_t{1} << 63)), 0U);
}

TEST_P(ModulusTest, InverseAndPowerAgree) {
    for (const std::uint64_t a : random_residues(200, q, 7)) {
        if (a == 0) continue;
        EXPECT_EQ(q.multiply(q.inverse(a), a), 1U);
        EXPECT_EQ(q.inverse(a), q.pow(a, q.value() - 2));
    }
    EXPECT_THROW(q.inverse(0), Error);
}

INSTANTIATE_TEST_SUITE_P(Bits, ModulusTest, ::testing::Values(21, 27, 36, 45, 49, 50));

TEST(Modulus, RefusesValuesOutsideItsRange) {
    for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{97}, (std::uint64_t{1} << 40) + 2,
                                      (std::uint64_t{1} << 50) + 1, ~std::uint64_t{0}}) {
        EXPECT_THROW(Modulus{value}, Error) << value;
    }
}

TEST(Modulus, InverseNamesTheCommonFactor) {
    const Modulus composite(3 * ((std::uint64_t{1} << 30) + 1));
    EXPECT_THAT([&] { composite.inverse(3); }, ::testing::ThrowsMessage<Error>(::testing::HasSubstr("divisible by 3")));
}

}  // namespace
}  // namespace polyformer::ckks
