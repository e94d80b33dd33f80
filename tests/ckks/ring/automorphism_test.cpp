#include "polyformer/ckks/ring/automorphism.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "polyformer/ckks/arithmetic/ntt.h"
#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/support/error.h"
#include "tests/ckks/arithmetic/random_residues.h"

namespace polyformer::ckks {
namespace {

class AutomorphismTest : public ::testing::TestWithParam<const Kernels*> {};

TEST_P(AutomorphismTest, PermutingEvaluationsAppliesTheAutomorphism) {
    const Kernels& kernel = *GetParam();
    for (const std::size_t n : {16, 64, 1024, 65536}) {
        const NttTables tables(n, prime_of_bits(45, n));
        const Modulus& q = tables.modulus();
        const AlignedWords a = random_residues(n, q, 51);
        AlignedWords values = a;
        kernel.forward_ntt(values.data(), tables);
        for (const std::uint64_t galois : {std::uint64_t{1}, std::uint64_t{3}, rotation_galois_element(n, 1),
                                           rotation_galois_element(n, -3), conjugation_galois_element(n)}) {
            AlignedWords expected(n);
            apply_to_coefficients(expected.data(), a.data(), n, galois, q.value());
            kernel.forward_ntt(expected.data(), tables);
            AlignedWords permuted(n);
            kernel.permute(permuted.data(), values.data(), evaluation_permutation(n, galois).data(), n);
            EXPECT_EQ(permuted, expected) << "N " << n << ", Galois element " << galois;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(All, AutomorphismTest,
                         ::testing::ValuesIn(available_kernels().begin(), available_kernels().end()),
                         [](const auto& instance) { return std::string(instance.param->name); });

TEST(Automorphism, CoefficientsFollowTheDefinition) {
    const Modulus q = prime_of_bits(30, 16);
    const AlignedWords a = random_residues(16, q, 52);
    AlignedWords out(16);
    apply_to_coefficients(out.data(), a.data(), 16, 31, q.value());  // X -> X^-1 = -X^15
    EXPECT_EQ(out[0], a[0]);
    for (std::size_t i = 1; i < 16; ++i) EXPECT_EQ(out[16 - i], q.negate(a[i]));
}

TEST(Automorphism, RotationsFormACyclicGroup) {
    constexpr std::size_t kDimension = 256;
    std::set<std::uint64_t> elements;
    for (std::int64_t steps = 0; steps < 128; ++steps) {
        const std::uint64_t element = rotation_galois_element(kDimension, steps);
        elements.insert(element);
        EXPECT_EQ(element * rotation_galois_element(kDimension, -steps) % 512, 1U);
        EXPECT_EQ(element, rotation_galois_element(kDimension, steps - 128));
        EXPECT_EQ(element * 5 % 512, rotation_galois_element(kDimension, steps + 1));
    }
    EXPECT_EQ(elements.size(), 128U);
    EXPECT_FALSE(elements.contains(conjugation_galois_element(kDimension)));
}

TEST(Automorphism, AlignedBlocksOfEightComeFromOneBlock) {
    const Permutation index = evaluation_permutation(4096, rotation_galois_element(4096, 5));
    for (std::size_t i = 0; i < index.size(); ++i) EXPECT_EQ(index[i] / 8, index[i / 8 * 8] / 8);
}

TEST(Automorphism, RefusesEvenAndLargeElements) {
    EXPECT_THROW(evaluation_permutation(64, 2), Error);
    EXPECT_THROW(evaluation_permutation(64, 129), Error);
    EXPECT_THROW(evaluation_permutation(65, 3), Error);
}

TEST(AutomorphismCache, ServesManyThreadsTheSamePermutation) {
    const AutomorphismCache cache(1024);
    std::vector<const Permutation*> seen(8);
    {
        std::vector<std::jthread> threads;
        for (auto& slot : seen) threads.emplace_back([&slot, &cache] { slot = &cache.permutation(25); });
    }
    for (const Permutation* permutation : seen) EXPECT_EQ(permutation, seen.front());
    EXPECT_EQ(*seen.front(), evaluation_permutation(1024, 25));
    EXPECT_THROW(cache.permutation(4), Error);
    EXPECT_THROW(cache.permutation(4), Error);  // a failure leaves nothing behind
}

}  // namespace
}  // namespace polyformer::ckks
