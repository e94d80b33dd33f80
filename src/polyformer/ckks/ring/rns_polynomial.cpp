#include "polyformer/ckks/ring/rns_polynomial.h"

namespace polyformer::ckks {

RnsPolynomial RnsPolynomial::uninitialised(std::size_t ring_dimension, std::size_t limbs) {
    RnsPolynomial polynomial;
    polynomial.ring_dimension_ = ring_dimension;
    polynomial.rows_.reserve(limbs);
    for (std::size_t i = 0; i < limbs; ++i) polynomial.rows_.emplace_back(ring_dimension);
    return polynomial;
}

RnsPolynomial::RnsPolynomial(std::size_t ring_dimension, std::size_t limbs) : ring_dimension_(ring_dimension) {
    rows_.reserve(limbs);
    for (std::size_t i = 0; i < limbs; ++i) rows_.emplace_back(ring_dimension, 0);
}

std::span<std::uint64_t> RnsPolynomial::limb(std::size_t index) {
    return rows_[index];
}

std::span<const std::uint64_t> RnsPolynomial::limb(std::size_t index) const {
    return rows_[index];
}

}  // namespace polyformer::ckks
