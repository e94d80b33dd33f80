#include "polyformer/ckks/ring/rns_polynomial.h"

#include "polyformer/support/error.h"

namespace polyformer::ckks {

namespace {

/// A row is fetched once for N residues: always to look costs nothing that can be measured.
void check_row(std::size_t index, std::size_t rows) {
    require(index < rows, "row {} of a polynomial of {} rows was asked for", index, rows);
}

}  // namespace

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
    check_row(index, rows_.size());
    return rows_[index];
}

std::span<const std::uint64_t> RnsPolynomial::limb(std::size_t index) const {
    check_row(index, rows_.size());
    return rows_[index];
}

}  // namespace polyformer::ckks
