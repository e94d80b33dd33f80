#include "polyformer/ckks/evaluator/operation_counts.h"

#include <algorithm>
#include <cmath>

namespace polyformer::ckks {

OperationCounts& OperationCounts::operator+=(const OperationCounts& other) {
    transforms += other.transforms;
    products += other.products;
    conversion_products += other.conversion_products;
    constant_products += other.constant_products;
    key_limbs += other.key_limbs;
    permuted += other.permuted;
    moved += other.moved;
    return *this;
}

OperationCounts operator*(double times, const OperationCounts& a) {
    return {.transforms = times * a.transforms,
            .products = times * a.products,
            .conversion_products = times * a.conversion_products,
            .constant_products = times * a.constant_products,
            .key_limbs = times * a.key_limbs,
            .permuted = times * a.permuted,
            .moved = times * a.moved};
}

OperationCounts base_conversion_counts(std::size_t from, std::size_t to) {
    const auto a = static_cast<double>(from);
    const auto b = static_cast<double>(to);
    return {.conversion_products = a * b, .constant_products = a, .moved = a + b};
}

OperationCounter::OperationCounter(const Parameters& parameters, int level, int special)
    : limbs_(level + 1),
      special_(special == 0 ? parameters.special_count() : special),
      digits_(std::ceil(limbs_ / special_)) {}

OperationCounts OperationCounter::addition() const {
    return {.moved = 6 * limbs_};
}

OperationCounts OperationCounter::plaintext_product() const {
    return {.products = 2 * limbs_, .moved = 5 * limbs_};
}

OperationCounts OperationCounter::rescaling() const {
    return {.transforms = 2 * limbs_, .constant_products = 2 * (limbs_ - 1), .moved = 2 * limbs_ + 2 * (limbs_ - 1)};
}

// l transforms back, d·(l + k) − l forth: a digit's own limbs are there already.
OperationCounts OperationCounter::decomposition() const {
    OperationCounts counts{.transforms = raised_limbs()};
    for (double first = 0; first < limbs_; first += special_) {
        const double own = std::min(special_, limbs_ - first);
        counts += base_conversion_counts(static_cast<std::size_t>(own), static_cast<std::size_t>(rows() - own));
    }
    counts.moved = limbs_ + raised_limbs();
    return counts;
}

OperationCounts OperationCounter::key_product() const {
    return {.key_limbs = raised_limbs(), .moved = 3 * raised_limbs() + 2 * rows()};
}

// 2·k transforms back, 2·l forth.
OperationCounts OperationCounter::division() const {
    OperationCounts counts{.transforms = 2 * rows(), .constant_products = 2 * limbs_};
    counts += 2 * base_conversion_counts(static_cast<std::size_t>(special_), static_cast<std::size_t>(limbs_));
    counts.moved = 2 * rows() + 2 * limbs_;
    return counts;
}

OperationCounts OperationCounter::half_division() const {
    return 0.5 * division();
}

OperationCounts OperationCounter::hoisted_rotation() const {
    OperationCounts counts = key_product() + division();
    counts.permuted = 2 * limbs_;
    counts.moved = 3 * raised_limbs() + 3 * limbs_;  // digits, key, the ciphertext's first half; the result
    return counts;
}

OperationCounts OperationCounter::rotation() const {
    OperationCounts counts = decomposition() + hoisted_rotation();
    counts.moved = 2 * raised_limbs() + 4 * limbs_;
    return counts;
}

OperationCounts OperationCounter::product() const {
    OperationCounts counts = decomposition() + key_product() + division();
    counts.products = 4 * limbs_;
    counts.moved = 2 * raised_limbs() + 6 * limbs_;
    return counts;
}

}  // namespace polyformer::ckks
