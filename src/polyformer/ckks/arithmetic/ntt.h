// Tables for the negacyclic number-theoretic transform modulo one prime.
//
// The transform of a(X) in Z_q[X]/(X^N+1) is its N values at the odd powers of a primitive 2N-th root of unity ψ, in
// bit-reversed order: entry i is a(ψ^(2·br(i)+1)), br reversing the log2(N) bits of i. So a polynomial in X^k (k a
// power of two) has a transform that is constant on runs of k consecutive entries.
#pragma once

#include <cstddef>
#include <cstdint>

#include "polyformer/ckks/arithmetic/aligned.h"
#include "polyformer/ckks/arithmetic/modulus.h"

namespace polyformer::ckks {

inline constexpr int kMinLogRingDimension = 4;
inline constexpr int kMaxLogRingDimension = 17;

/// Throws Error unless N is a power of two in [2^4, 2^17].
void require_ring_dimension(std::size_t ring_dimension);

/// The lowest `bits` bits of `value` in reverse order; bits in [1, 32].
std::uint32_t reverse_bits(std::uint32_t value, int bits);

/// Immutable; share it between threads.
class NttTables {
  public:
    /// Takes as ψ the first element of order 2N among x^((q-1)/2N), x = 2, 3, ... : a function of N and q alone, as
    /// saved ciphertexts depend on it. Throws Error unless the modulus is a prime equal to 1 mod 2N.
    NttTables(std::size_t ring_dimension, const Modulus& modulus);

    std::size_t ring_dimension() const { return roots_.size(); }
    const Modulus& modulus() const { return modulus_; }
    /// ψ.
    std::uint64_t primitive_root() const { return primitive_root_; }

    // For the kernels. Butterflies form a binary tree: node 1 is the first level of the forward transform, nodes 2i and
    // 2i+1 are the halves of node i; node i multiplies by roots[i] = ψ^br(i).
    //
    // The inverse needs no tables of its own: the inverse of roots[i] is -roots[mirror(i)], mirror(i) being the node as
    // far from the end of its level as i is from the start.
    const std::uint64_t* roots() const { return roots_.data(); }
    /// floor(roots[i]·2^52 / q).
    const std::uint64_t* root_quotients() const { return root_quotients_.data(); }
    /// 1/N, and roots[1]/N: the factors of the last level of the inverse transform.
    const ShoupFactor& inverse_dimension() const { return inverse_dimension_; }
    const ShoupFactor& last_factor() const { return last_factor_; }

  private:
    Modulus modulus_;
    std::uint64_t primitive_root_;
    AlignedWords roots_;
    AlignedWords root_quotients_;
    ShoupFactor inverse_dimension_;
    ShoupFactor last_factor_;
};

}  // namespace polyformer::ckks
