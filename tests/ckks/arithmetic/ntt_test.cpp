// Transforms of every back end against the definition.
#include "polyformer/ckks/arithmetic/ntt.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/support/error.h"
#include "tests/ckks/arithmetic/random_residues.h"

namespace polyformer::ckks {
namespace {

class NttTest : public ::testing::TestWithParam<const Kernels*> {
  protected:
    /// Calls body(tables) for ring dimensions up to the given one and primes of several sizes.
    template <class Body>
    static void for_each_ring(int max_log_dimension, const Body& body) {
        for (int log_dimension = kMinLogRingDimension; log_dimension <= max_log_dimension; ++log_dimension) {
            const std::size_t n = std::size_t{1} << log_dimension;
            for (const int bits : {21, 30, 41, 50}) {
                if (bits <= log_dimension + 5) continue;  // perhaps no such prime
                SCOPED_TRACE("N = " + std::to_string(n) + ", prime of " + std::to_string(bits) + " bits");
                body(NttTables(n, prime_of_bits(bits, n)));
            }
        }
    }

    const Kernels& kernel = *GetParam();
};

/// The value of a polynomial at a point, by Horner's rule.
std::uint64_t evaluate(const AlignedWords& coefficients, std::uint64_t point, const Modulus& q) {
    std::uint64_t value = 0;
    for (std::size_t i = coefficients.size(); i-- > 0;) value = q.add(q.multiply(value, point), coefficients[i]);
    return value;
}

TEST_P(NttTest, EntriesAreEvaluationsInBitReversedOrder) {
    for_each_ring(14, [&](const NttTables& tables) {
        const Modulus& q = tables.modulus();
        const std::size_t n = tables.ring_dimension();
        const AlignedWords coefficients = random_residues(n, q, 11);
        AlignedWords values = coefficients;
        kernel.forward_ntt(values.data(), tables);
        for (std::size_t i = 0; i < n; i += n <= 64 ? 1 : n / 16 + 1) {
            const auto reversed = reverse_bits(static_cast<std::uint32_t>(i), std::countr_zero(n));
            const std::uint64_t point = q.pow(tables.primitive_root(), 2 * std::uint64_t{reversed} + 1);
            ASSERT_EQ(values[i], evaluate(coefficients, point, q)) << i;
        }
    });
}

TEST_P(NttTest, AgreesWithTheReferenceAndInverts) {
    for_each_ring(kMaxLogRingDimension, [&](const NttTables& tables) {
        const AlignedWords coefficients = random_residues(tables.ring_dimension(), tables.modulus(), 21);
        AlignedWords values = coefficients;
        AlignedWords expected = coefficients;
        kernel.forward_ntt(values.data(), tables);
        scalar_kernels().forward_ntt(expected.data(), tables);
        ASSERT_EQ(values, expected);
        kernel.inverse_ntt(values.data(), tables);
        ASSERT_EQ(values, coefficients);
    });
}

TEST_P(NttTest, TheInverseScales) {
    for_each_ring(kMaxLogRingDimension, [&](const NttTables& tables) {
        const Modulus& q = tables.modulus();
        const std::size_t n = tables.ring_dimension();
        const AlignedWords values = random_residues(n, q, 22);
        for (const std::uint64_t scalar : {std::uint64_t{0}, std::uint64_t{1}, q.value() / 3, q.value() - 1}) {
            AlignedWords expected = values;
            scalar_kernels().inverse_ntt(expected.data(), tables);
            scalar_kernels().multiply_scalar(expected.data(), expected.data(), scalar, n, q);
            AlignedWords actual(n);
            kernel.scaled_inverse_ntt(actual.data(), values.data(), scalar, tables);
            ASSERT_EQ(actual, expected) << scalar;
            actual = values;
            kernel.scaled_inverse_ntt(actual.data(), actual.data(), scalar, tables);
            ASSERT_EQ(actual, expected) << scalar;
        }
    });
}

TEST_P(NttTest, LargestResiduesDoNotOverflow) {
    for_each_ring(kMaxLogRingDimension, [&](const NttTables& tables) {
        const std::uint64_t largest = tables.modulus().value() - 1;
        AlignedWords values(tables.ring_dimension(), largest);
        const AlignedWords coefficients = values;
        kernel.forward_ntt(values.data(), tables);
        ASSERT_LE(*std::max_element(values.begin(), values.end()), largest);
        kernel.inverse_ntt(values.data(), tables);
        ASSERT_EQ(values, coefficients);
        AlignedWords constant(tables.ring_dimension(), largest);  // the transform of the constant -1
        kernel.inverse_ntt(constant.data(), tables);
        AlignedWords expected(tables.ring_dimension());
        expected[0] = largest;
        ASSERT_EQ(constant, expected);
    });
}

TEST_P(NttTest, MultipliesPolynomials) {
    for_each_ring(8, [&](const NttTables& tables) {
        const Modulus& q = tables.modulus();
        const std::size_t n = tables.ring_dimension();
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
        ASSERT_EQ(product, expected);
    });
}

TEST_P(NttTest, SubringPolynomialsAreConstantOnRuns) {
    for_each_ring(12, [&](const NttTables& tables) {
        const std::size_t n = tables.ring_dimension();
        const std::size_t run = n / 8;
        const AlignedWords sparse = random_residues(8, tables.modulus(), 41);
        AlignedWords values(n);
        for (std::size_t i = 0; i < sparse.size(); ++i) values[i * run] = sparse[i];
        kernel.forward_ntt(values.data(), tables);
        for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(values[i], values[i / run * run]) << i;
    });
}

INSTANTIATE_TEST_SUITE_P(All, NttTest, ::testing::ValuesIn(available_kernels().begin(), available_kernels().end()),
                         [](const auto& instance) { return std::string(instance.param->name); });

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
