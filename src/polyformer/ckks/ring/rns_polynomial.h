// Polynomials as residues modulo several primes: what plaintexts, ciphertexts and keys are made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "polyformer/ckks/arithmetic/aligned.h"

namespace polyformer::ckks {

/// A ring element in evaluation order, one row (limb) of N residues per prime, each in a block of its own: all blocks
/// are of one size, so memory never fragments. Which primes the rows belong to is its owner's knowledge; usually they
/// are those of Parameters::row().
class RnsPolynomial {
  public:
    /// No rows at all.
    RnsPolynomial() = default;
    /// All zero.
    RnsPolynomial(std::size_t ring_dimension, std::size_t limbs);
    /// For results of which every residue is about to be written: saves a pass over the memory.
    static RnsPolynomial uninitialised(std::size_t ring_dimension, std::size_t limbs);

    std::size_t ring_dimension() const { return ring_dimension_; }
    std::size_t limbs() const { return rows_.size(); }
    /// The ring_dimension() residues modulo prime number `index`. Throws Error unless that is below limbs().
    std::span<std::uint64_t> limb(std::size_t index);
    std::span<const std::uint64_t> limb(std::size_t index) const;
    /// Of all residues, as 8-byte words.
    std::size_t bytes() const { return limbs() * ring_dimension_ * sizeof(std::uint64_t); }

  private:
    std::size_t ring_dimension_ = 0;
    std::vector<std::vector<std::uint64_t, UninitialisedAllocator<std::uint64_t>>> rows_;
};

}  // namespace polyformer::ckks
