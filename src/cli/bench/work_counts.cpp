#include "cli/bench/work_counts.h"

#include <algorithm>
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

Work base_conversion_work(std::size_t ring_dimension, std::size_t from, std::size_t to) {
    const auto n = static_cast<double>(ring_dimension);
    const auto a = static_cast<double>(from);
    const auto b = static_cast<double>(to);
    return {n * (kShoupProduct * a + a * b), (a + b) * n * kWordBytes, 0};
}

double OperationShape::words(double limb_count) const {
    return limb_count * static_cast<double>(ring_dimension);
}

double OperationShape::transforms(double count) const {
    return count * ntt_work(ring_dimension).multiply_adds;
}

Work OperationShape::addition() const {
    return {0, words(6.0 * static_cast<double>(limbs)) * kWordBytes, 0};
}

Work OperationShape::plaintext_product() const {
    const auto l = static_cast<double>(limbs);
    return {words(2 * l), words(5 * l) * kWordBytes, 0};
}

Work OperationShape::rescaling() const {
    const auto l = static_cast<double>(limbs);
    return {transforms(2 * l) + kShoupProduct * words(2 * (l - 1)), words(2 * l + 2 * (l - 1)) * kWordBytes, 0};
}

Work OperationShape::decomposition() const {
    const auto raised = static_cast<double>(digits() * (limbs + special));
    Work work{transforms(raised), words(static_cast<double>(limbs) + raised) * kWordBytes, 0};
    for (std::size_t first = 0; first < limbs; first += special) {
        const std::size_t count = std::min(special, limbs - first);
        work.multiply_adds += base_conversion_work(ring_dimension, count, limbs + special - count).multiply_adds;
    }
    return work;
}

Work OperationShape::hoisted_rotation() const {
    const auto l = static_cast<double>(limbs);
    const auto k = static_cast<double>(special);
    const auto raised = static_cast<double>(digits() * (limbs + special));
    const double division = transforms(2 * k + 2 * l) + kShoupProduct * words(2 * l) +
                            2 * base_conversion_work(ring_dimension, special, limbs).multiply_adds;
    // Digits, key, the ciphertext's first half; then the result.
    return {words(2 * raised) + division, words(3 * raised + 3 * l) * kWordBytes, 0};
}

Work OperationShape::rotation() const {
    const auto l = static_cast<double>(limbs);
    const auto raised = static_cast<double>(digits() * (limbs + special));
    return {decomposition().multiply_adds + hoisted_rotation().multiply_adds, words(2 * raised + 4 * l) * kWordBytes,
            0};
}

Work OperationShape::product() const {
    const auto l = static_cast<double>(limbs);
    const auto raised = static_cast<double>(digits() * (limbs + special));
    return {words(4 * l) + rotation().multiply_adds, words(2 * raised + 6 * l) * kWordBytes, 0};
}

}  // namespace polyformer::cli
