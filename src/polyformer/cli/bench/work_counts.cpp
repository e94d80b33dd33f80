#include "polyformer/cli/bench/work_counts.h"

#include <bit>

namespace polyformer::cli {

namespace {

constexpr double kWordBytes = 8;
constexpr double kShoupProduct = 1.5;  ///< in multiply-adds

}  // namespace

Work ntt_work(std::size_t ring_dimension) {
    const auto n = static_cast<double>(ring_dimension);
    // Values in and out, roots and their quotients.
    return {kShoupProduct * n / 2 * std::countr_zero(ring_dimension), 4 * n * kWordBytes, 3 * n * kWordBytes};
}

Work work_of(const ckks::OperationCounts& counts, std::size_t ring_dimension) {
    const auto n = static_cast<double>(ring_dimension);
    // A key's limb stands for one of either half.
    const double products = counts.products + counts.conversion_products + 2 * counts.key_limbs;
    return {counts.transforms * ntt_work(ring_dimension).multiply_adds +
                n * (kShoupProduct * counts.constant_products + products),
            counts.moved * n * kWordBytes, 0};
}

}  // namespace polyformer::cli
