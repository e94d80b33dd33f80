// Polynomials in RNS form, plaintexts and ciphertexts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "polyformer/ckks/arithmetic/aligned.h"

namespace polyformer::ckks {

/// A ring element in evaluation order, one row of N residues per prime, each in a block of its own: all blocks are of
/// one size, so memory never fragments. Which primes the rows belong to is its owner's knowledge: q_0 .. q_level, then,
/// in key switching, p_0 .. p_{k-1}.
class RnsPolynomial {
  public:
    RnsPolynomial() = default;
    /// All zero.
    RnsPolynomial(std::size_t ring_dimension, std::size_t limbs);
    /// For results of which every residue is about to be written: saves a pass over the memory.
    static RnsPolynomial uninitialised(std::size_t ring_dimension, std::size_t limbs);

    std::size_t ring_dimension() const { return ring_dimension_; }
    std::size_t limbs() const { return rows_.size(); }
    std::span<std::uint64_t> limb(std::size_t index);
    std::span<const std::uint64_t> limb(std::size_t index) const;
    /// Drops the rows from `limbs` on, and their memory.
    void truncate(std::size_t limbs);
    std::size_t bytes() const { return limbs() * ring_dimension_ * sizeof(std::uint64_t); }

  private:
    std::size_t ring_dimension_ = 0;
    std::vector<std::vector<std::uint64_t, UninitialisedAllocator<std::uint64_t>>> rows_;
};

/// An encoded vector: full length, in evaluation order over q_0 .. q_level.
struct Plaintext {
    RnsPolynomial polynomial;
    int level = 0;
    double scale = 1;
};

/// An encoded vector whose values repeat with a short period F: it lies in the subring of X^(N/2F), so each prime needs
/// only 2F residues, each standing for a run of N/2F equal evaluations.
struct SubringPlaintext {
    RnsPolynomial polynomial;  ///< ring_dimension() here is 2F, not N
    std::size_t run = 1;       ///< N / 2F
    int level = 0;
    double scale = 1;
};

/// Two components (three after a product without relinearisation) over q_0 .. q_level:
/// Σ components[i]·s^i = scale · message + noise.
struct Ciphertext {
    std::vector<RnsPolynomial> components;
    int level = 0;
    double scale = 1;
    std::size_t slots = 0;        ///< packed slots: N/2, or fewer when the message repeats (sparse packing)
    std::string key_fingerprint;  ///< of the key set that it is encrypted under
    std::size_t bytes() const;
};

}  // namespace polyformer::ckks
