#include "polyformer/ckks/circuits/plaintext_sums.h"

#include <gtest/gtest.h>

#include "tests/ckks/arithmetic/random_residues.h"

namespace polyformer::ckks::testing {
namespace {

// Few sources are read where they are, many are copied first; rows of weights may be missing.
TEST(PlaintextSums, AreSumsOfProducts) {
    constexpr std::size_t kDimension = 4096;
    const Modulus q = prime_of_bits(50, kDimension);
    for (const std::size_t count : {1, 5, 16, 17, 40}) {
        for (const std::size_t run : {std::size_t{1}, std::size_t{2}, std::size_t{32}, std::size_t{512}, kDimension}) {
            constexpr std::size_t kResults = 5;
            std::vector<AlignedWords> limbs;
            std::vector<AlignedWords> results(2 * kResults, AlignedWords(kDimension, 1));
            std::vector<LimbSums> operands(2);
            for (std::size_t k = 0; k < 2 * count; ++k) {
                limbs.push_back(random_residues(kDimension, q, static_cast<unsigned>(k)));
            }
            for (std::size_t operand = 0; operand < 2; ++operand) {
                for (std::size_t k = 0; k < count; ++k) {
                    operands[operand].sources.push_back(limbs[operand * count + k].data());
                }
                for (std::size_t g = 0; g < kResults; ++g) {
                    operands[operand].results.push_back(results[operand * kResults + g].data());
                }
            }
            std::vector<AlignedWords> rows;
            std::vector<const std::uint64_t*> weights;
            for (std::size_t row = 0; row < kResults * count; ++row) {
                rows.push_back(random_residues(kDimension / run, q, static_cast<unsigned>(1000 + row)));
            }
            for (std::size_t row = 0; row < rows.size(); ++row) {
                weights.push_back(row % 7 == 3 ? nullptr : rows[row].data());
            }
            plaintext_sums(operands, weights, kDimension, run, q);
            for (std::size_t result = 0; result < results.size(); ++result) {
                for (std::size_t i = 0; i < kDimension; ++i) {
                    Uint128 sum = 0;
                    for (std::size_t k = 0; k < count; ++k) {
                        const std::uint64_t* row = weights[result % kResults * count + k];
                        if (row == nullptr) continue;
                        sum += Uint128{row[i / run]} * limbs[result / kResults * count + k][i];
                    }
                    ASSERT_EQ(results[result][i], static_cast<std::uint64_t>(sum % q.value()))
                        << count << " " << run << " " << result << " " << i;
                }
            }
        }
    }
}

}  // namespace
}  // namespace polyformer::ckks::testing
