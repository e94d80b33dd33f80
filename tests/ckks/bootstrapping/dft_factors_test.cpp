#include "polyformer/ckks/bootstrapping/dft_factors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "polyformer/ckks/ring/special_fourier.h"
#include "tests/ckks/circuits/circuit_fixture.h"

namespace polyformer::ckks::testing {
namespace {

std::vector<Complex> apply_factors(const std::vector<DftFactor>& factors, std::vector<Complex> x) {
    const auto n = static_cast<long>(x.size());
    for (const DftFactor& factor : factors) {
        std::vector<Complex> y(x.size());
        for (const auto& [offset, values] : factor.diagonals) {
            EXPECT_EQ(offset % factor.stride, 0);
            for (long i = 0; i < n; ++i) {
                y[static_cast<std::size_t>(i)] +=
                    values[static_cast<std::size_t>(i)] * x[static_cast<std::size_t>(((i + offset) % n + n) % n)];
            }
        }
        x = y;
    }
    return x;
}

/// All ways to spread `stages` over `levels` factors, the shortest distances first.
std::vector<std::vector<DftGroup>> groupings(int stages, int levels, int first = 0) {
    if (levels == 0)
        return stages == first ? std::vector<std::vector<DftGroup>>(1) : std::vector<std::vector<DftGroup>>();
    std::vector<std::vector<DftGroup>> result;
    for (int count = 0; count <= stages - first; ++count) {
        for (std::vector<DftGroup> rest : groupings(stages, levels - 1, first + count)) {
            rest.insert(rest.begin(), {first, count, 1});
            result.push_back(rest);
        }
    }
    return result;
}

TEST(DftFactors, AreTheEmbeddingUpToBitReversal) {
    for (const std::size_t slots : {1, 2, 8, 64, 256}) {
        const auto x = random_values(slots, 1);
        std::vector<Complex> expected(slots);
        for (std::size_t i = 0; i < slots; ++i) {
            std::size_t reversed = 0;
            for (std::size_t bit = 1; bit < slots; bit *= 2) reversed = 2 * reversed + ((i & bit) != 0 ? 1 : 0);
            expected[i] = x[reversed];
        }
        SpecialFourier(slots).to_slots(expected);
        for (const int levels : {1, 2, 3}) {
            for (std::vector<DftGroup> groups : groupings(std::countr_zero(slots), levels)) {
                const auto embedded = apply_factors(dft_factors(slots, groups, DftDirection::to_slots), x);
                EXPECT_LT(worst_error(embedded, expected), 1e-11) << slots << " " << levels;
                std::reverse(groups.begin(), groups.end());
                const auto back = apply_factors(dft_factors(slots, groups, DftDirection::to_coefficients), embedded);
                EXPECT_LT(worst_error(back, x), 1e-11) << slots << " " << levels;
            }
        }
    }
}

}  // namespace
}  // namespace polyformer::ckks::testing
