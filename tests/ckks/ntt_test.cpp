// Transforms of every back end against the definition.
#include "ckks/ntt.h"

#include <gtest/gtest.h>

#include <bit>

#include "ckks/kernels.h"
#include "random_residues.h"
#include "support/error.h"

namespace polyformer::ckks {
namespace {

struct Case {
    const Kernels* kernel;
    int log_dimension;
    int prime_bits;
};

std::vector<Case> all_cases() {
    std::vector<Case> cases;
    for (const Kernels* kernel : available_kernels()) {
        for (int log_dimension = 4; log_dimension <= 17; ++log_dimension) {
            for (const int bits : {21, 30, 41, 50}) {
                if (bits > log_dimension + 5) cases.push_back({kernel, log_dimension, bits});
            }
        }
    }
    return cases;
}

class NttTest : public ::testing::TestWithParam<Case> {
  protected:
    const Kernels& kernel = *GetParam().kernel;
    std::size_t n = std::size_t{1} << GetParam().log_dimension;
    NttTables tables{n, prime_of_bits(GetParam().prime_bits, n)};
    const Modulus& q = tables.modulus();
};

/// The value of a polynomial at a point, by Horner's rule.
std::uint64_t evaluate(const AlignedWords& coefficients, std::uint64_t point, const Modulus& q) {
    std::uint64_t value = 0;
    for (std::size_t i = coefficients.size(); i-- > 0;) value = q.add(q.multiply(value, point), coefficients[i]);
    return value;
}

TEST_P(NttTest, EntriesAreEvaluationsInBitReversedOrder) {
    const AlignedWords coefficients = random_residues(n, q, 11);
    AlignedWords values = coefficients;
    kernel.forward_ntt(values.data(), tables);
    const std::size_t stride = n <= 256 ? 1 : n / 16 + 1;
    for (std::size_t i = 0; i < n; i += stride) {
        const std::uint64_t exponent = 2 * reverse_bits(static_cast<std::uint32_t>(i), GetParam().log_dimension) + 1;
        EXPECT_EQ(values[i], evaluate(coefficients, q.pow(tables.primitive_root(), exponent), q)) << i;
    }
}

TEST_P(NttTest, AgreesWithTheReferenceAndInverts) {
    for (const std::uint64_t seed : {21, 22}) {
        const AlignedWords coefficients = random_residues(n, q, seed);
        AlignedWords values = coefficients;
        AlignedWords expected = coefficients;
        kernel.forward_ntt(values.data(), tables);
        scalar_kernels().forward_ntt(expected.data(), tables);
        EXPECT_EQ(values, expected);
        kernel.inverse_ntt(values.data(), tables);
        EXPECT_EQ(values, coefficients);
    }
}

TEST_P(NttTest, LargestResiduesDoNotOverflow) {
    AlignedWords values(n, q.value() - 1);
    const AlignedWords coefficients = values;
    kernel.forward_ntt(values.data(), tables);
    for (const std::uint64_t value : values) EXPECT_LT(value, q.value());
    kernel.inverse_ntt(values.data(), tables);
    EXPECT_EQ(values, coefficients);
    AlignedWords inverse(n, q.value() - 1);  // the transform of the constant -1
    kernel.inverse_ntt(inverse.data(), tables);
    AlignedWords constant(n);
    constant[0] = q.value() - 1;
    EXPECT_EQ(inverse, constant);
}

TEST_P(NttTest, MultipliesPolynomials) {
    if (n > 256) GTEST_SKIP() << "the direct product is quadratic";
    const AlignedWords a = random_residues(n, q, 31);
    const AlignedWords b = random_residues(n, q, 32);
    AlignedWords expected(n);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
            const std::uint64_t product = q.multiply(a[i], b[j]);
            std::uint64_t& target = expected[(i + j) % n];
            target = i + j < n ? q.add(target, product) : q.subtract(target, product);
        }
    }
    AlignedWords product = a;
    AlignedWords other = b;
    kernel.forward_ntt(product.data(), tables);
    kernel.forward_ntt(other.data(), tables);
    kernel.multiply(product.data(), product.data(), other.data(), n, q);
    kernel.inverse_ntt(product.data(), tables);
    EXPECT_EQ(product, expected);
}

TEST_P(NttTest, SubringPolynomialsAreConstantOnRuns) {
    const std::size_t run = n / 8;
    const AlignedWords sparse = random_residues(8, q, 41);
    AlignedWords values(n);
    for (std::size_t i = 0; i < sparse.size(); ++i) values[i * run] = sparse[i];
    kernel.forward_ntt(values.data(), tables);
    for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(values[i], values[i / run * run]) << i;
}

INSTANTIATE_TEST_SUITE_P(All, NttTest, ::testing::ValuesIn(all_cases()), [](const auto& instance) {
    const Case& c = instance.param;
    return std::string(c.kernel->name) + "_N" + std::to_string(1 << c.log_dimension) + "_" +
           std::to_string(c.prime_bits) + "bits";
});

TEST(NttTables, RootHasTheRightOrderAndIsReproducible) {
    const Modulus q = prime_of_bits(45, 1024);
    const NttTables tables(1024, q);
    EXPECT_EQ(q.pow(tables.primitive_root(), 1024), q.value() - 1);
    EXPECT_EQ(tables.roots()[1], q.pow(tables.primitive_root(), 512));
    EXPECT_EQ(NttTables(1024, q).primitive_root(), tables.primitive_root());
}

TEST(NttTables, RefusesUnsuitableModuli) {
    const Modulus q = prime_of_bits(40, 1024);
    EXPECT_THROW(NttTables(std::size_t{1} << 17, q), Error);
    EXPECT_THROW(NttTables(24, q), Error);
    EXPECT_THROW(NttTables(8, q), Error);
    EXPECT_THROW(NttTables(16, Modulus((std::uint64_t{1} << 40) + 1)), Error);  // divisible by 257
}

}  // namespace
}  // namespace polyformer::ckks
