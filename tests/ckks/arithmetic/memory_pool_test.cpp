// The pool: memory once used is found again, without page faults.
#include "polyformer/ckks/arithmetic/memory_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "polyformer/ckks/scheme/ciphertext.h"
#include "polyformer/support/system/process.h"
#include "tests/support/sanitized.h"

namespace polyformer::ckks {
namespace {

// As in memory_pool.cpp.
constexpr bool kPooled = !kSanitized;

/// What a transformer layer does to memory: its phases work at other levels, so that each has 256 MiB of polynomials
/// alive of other numbers of limbs, freed in another order than made; beside them small limbs of encoded diagonals.
void work_like_a_layer(std::mt19937& random) {
    constexpr std::size_t kDimension = 1 << 14;
    constexpr std::size_t kMost = std::size_t{256} << 20;
    for (const std::size_t limbs : {38U, 25U, 16U, 10U, 6U, 3U, 1U}) {
        std::vector<RnsPolynomial> alive;
        std::vector<RnsPolynomial> diagonals;
        for (std::size_t bytes = 0; bytes < 5 * kMost / 4;) {
            alive.push_back(RnsPolynomial::uninitialised(kDimension, limbs));
            for (std::size_t i = 0; i < limbs; ++i) alive.back().limb(i).front() = i;
            diagonals.push_back(RnsPolynomial::uninitialised(512, limbs));
            bytes += alive.back().bytes();
            if (bytes < kMost) continue;
            std::swap(alive[random() % alive.size()], alive.back());
            alive.pop_back();
        }
    }
}

TEST(MemoryPoolTest, WorkDoneAgainFaultsNoPages) {
    if (!kPooled) GTEST_SKIP() << "the pool is off under AddressSanitizer";
    std::mt19937 random(1);
    work_like_a_layer(random);
    const std::size_t before = minor_page_faults();
    for (int layer = 0; layer < 2; ++layer) work_like_a_layer(random);
    EXPECT_LT(minor_page_faults() - before, 100);
}

TEST(MemoryPoolTest, BlocksAreAlignedAndDistinct) {
    for (const std::size_t bytes : {1UL, 1000UL, 1024UL, 1025UL, 65535UL, 65536UL, 524288UL, 1048576UL, 1048577UL}) {
        std::vector<std::pair<char*, char*>> ranges;
        for (int i = 0; i < 70; ++i) {
            auto* block = static_cast<char*>(allocate_block(bytes));
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 64, 0U);
            std::memset(block, i, bytes);
            ranges.emplace_back(block, block + bytes);
        }
        std::ranges::sort(ranges);
        for (std::size_t i = 1; i < ranges.size(); ++i) EXPECT_LE(ranges[i - 1].second, ranges[i].first);
        for (const auto& [begin, end] : ranges) free_block(begin, bytes);
    }
    free_block(nullptr, 4096);
}

TEST(MemoryPoolTest, ThreadsDoNotShareBlocks) {
    const auto work = [](unsigned char mark) {
        for (int round = 0; round < 200; ++round) {
            std::vector<RnsPolynomial> polynomials;
            for (std::size_t limbs = 1; limbs < 8; ++limbs) {
                polynomials.push_back(RnsPolynomial::uninitialised(1024, limbs));
                for (std::size_t i = 0; i < limbs; ++i) std::memset(polynomials.back().limb(i).data(), mark, 8192);
            }
            for (const RnsPolynomial& polynomial : polynomials) {
                for (std::size_t i = 0; i < polynomial.limbs(); ++i) {
                    ASSERT_EQ(polynomial.limb(i).front(), std::uint64_t{0x0101010101010101} * mark);
                    ASSERT_EQ(polynomial.limb(i).back(), std::uint64_t{0x0101010101010101} * mark);
                }
            }
        }
    };
    std::vector<std::jthread> threads;
    for (unsigned char mark = 1; mark <= 4; ++mark) threads.emplace_back(work, mark);
}

TEST(MemoryPoolTest, AnotherPolynomialsPlaceFreesRows) {
    RnsPolynomial polynomial(1 << 14, 3);
    const std::uint64_t* last = polynomial.limb(2).data();
    polynomial = RnsPolynomial(1 << 14, 2);
    EXPECT_EQ(polynomial.limbs(), 2U);
    EXPECT_EQ(polynomial.bytes(), 2U << 17);
    if (kPooled) {
        EXPECT_EQ(RnsPolynomial(1 << 14, 1).limb(0).data(), last) << "the last block freed is the next one given";
    }
}

}  // namespace
}  // namespace polyformer::ckks
