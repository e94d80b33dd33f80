// Residues expanded from seeds: every back end against the reference, and streams read in pieces. What the reference
// itself gives is held against recorded values in encoder_test.cpp.
#include "polyformer/ckks/ring/uniform_stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "polyformer/ckks/kernels/kernels.h"
#include "tests/ckks/arithmetic/random_residues.h"

namespace polyformer::ckks {
namespace {

std::uint64_t refused_below(const Modulus& q) {
    return (std::uint64_t{0} - q.value()) % q.value();  // 2^64 mod q
}

/// A prime of 50 bits that refuses almost as many words as one can, one in 2^14: 2^64 / q is 16384.9 or a little more.
Modulus refusing_prime() {
    return Modulus(primes_near(0x1p64 / 16384.9, 64, 1, PrimeSearch::descending)[0]);
}

UniformSource source_of(std::uint64_t number) {
    std::mt19937_64 random(number);
    Seed seed{};
    for (std::uint8_t& byte : seed) byte = static_cast<std::uint8_t>(random());
    return {Aes256(seed), random()};
}

AlignedWords residues_of(const Kernels& kernel, const UniformSource& source, std::uint64_t block, std::size_t blocks,
                         const Modulus& q) {
    AlignedWords out(blocks * UniformSource::kWordsPerBlock + 1);
    const std::size_t count = kernel.uniform_residues(out.data(), source, block, blocks, q);
    EXPECT_LE(count, blocks * UniformSource::kWordsPerBlock);
    EXPECT_EQ(out.back(), 0U) << "written beyond the end";
    out.resize(count);
    return out;
}

TEST(UniformResidues, AreTheSameFromEveryBackEnd) {
    std::uint64_t number = 0;
    for (const int bits : {21, 33, 40, 45, 49, 50}) {
        const Modulus q = prime_of_bits(bits, 64);
        for (const std::size_t blocks : {0U, 1U, 7U, 8U, 9U, 63U, 64U, 65U, 128U, 500U}) {
            const UniformSource source = source_of(++number);
            // Also where the block's number carries out of its lower half.
            const std::uint64_t block = number % 2 == 0 ? 0 : (number << 32) - 33;
            const AlignedWords expected = residues_of(scalar_kernels(), source, block, blocks, q);
            EXPECT_TRUE(std::ranges::all_of(expected, [&](std::uint64_t residue) { return residue < q.value(); }));
            for (const Kernels* kernel : available_kernels()) {
                EXPECT_EQ(residues_of(*kernel, source, block, blocks, q), expected)
                    << kernel->name << ", " << bits << " bits, " << blocks << " blocks";
            }
        }
    }
}

TEST(UniformResidues, LeaveOutRefusedWordsFromEveryBackEnd) {
    constexpr std::size_t kBlocks = 1 << 17;
    constexpr std::size_t kWords = kBlocks * UniformSource::kWordsPerBlock;
    const Modulus q = refusing_prime();
    const double expected_refusals = kWords * static_cast<double>(refused_below(q)) * 0x1p-64;
    const AlignedWords expected = residues_of(scalar_kernels(), source_of(1), 0, kBlocks, q);
    const auto refusals = static_cast<double>(kWords - expected.size());
    EXPECT_GT(refusals, expected_refusals / 3);
    EXPECT_LT(refusals, expected_refusals * 3);
    for (const Kernels* kernel : available_kernels()) {
        EXPECT_TRUE(residues_of(*kernel, source_of(1), 0, kBlocks, q) == expected) << kernel->name;
    }
}

TEST(UniformStream, GivesTheSameInPieces) {
    constexpr std::size_t kCount = 1 << 18;
    const Modulus q = refusing_prime();
    const Seed seed{1, 2, 3};
    const UniformSource source{Aes256(seed), 4};
    std::vector<std::uint64_t> whole(kCount);
    expand_uniform(seed, source.stream, q, whole);
    const AlignedWords reference = residues_of(scalar_kernels(), source, 0, kCount / 2 + 100, q);
    EXPECT_TRUE(std::equal(whole.begin(), whole.end(), reference.begin()));
    std::mt19937 random(1);
    for (const std::size_t most : {1000U, 20000U}) {
        UniformStream stream(source, q);
        std::vector<std::uint64_t> pieces(kCount);
        for (std::span<std::uint64_t> rest(pieces); !rest.empty();) {
            const std::size_t count = std::min<std::size_t>(rest.size(), random() % most);
            stream.next(rest.first(count));
            rest = rest.subspan(count);
        }
        EXPECT_TRUE(pieces == whole) << "pieces of up to " << most;
    }
}

}  // namespace
}  // namespace polyformer::ckks
