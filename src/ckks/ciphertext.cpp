#include "ckks/ciphertext.h"

#include "support/error.h"

namespace polyformer::ckks {

RnsPolynomial RnsPolynomial::uninitialised(std::size_t ring_dimension, std::size_t limbs) {
    RnsPolynomial polynomial;
    polynomial.ring_dimension_ = ring_dimension;
    polynomial.limbs_ = limbs;
    polynomial.values_.resize(ring_dimension * limbs);
    return polynomial;
}

RnsPolynomial::RnsPolynomial(std::size_t ring_dimension, std::size_t limbs)
    : ring_dimension_(ring_dimension), limbs_(limbs), values_(ring_dimension * limbs, 0) {}

std::span<std::uint64_t> RnsPolynomial::limb(std::size_t index) {
    return std::span(values_).subspan(index * ring_dimension_, ring_dimension_);
}

std::span<const std::uint64_t> RnsPolynomial::limb(std::size_t index) const {
    return std::span(values_).subspan(index * ring_dimension_, ring_dimension_);
}

void RnsPolynomial::truncate(std::size_t limbs) {
    require(limbs <= limbs_, "a polynomial of {} limbs cannot be cut down to {}", limbs_, limbs);
    limbs_ = limbs;
    values_.resize(ring_dimension_ * limbs);
}

std::size_t Ciphertext::bytes() const {
    std::size_t sum = 0;
    for (const RnsPolynomial& component : components) sum += component.bytes();
    return sum;
}

}  // namespace polyformer::ckks
