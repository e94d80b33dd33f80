// Tables for the negacyclic number-theoretic transform modulo one prime.
//
// The transform of a(X) in Z_q[X]/(X^N+1) is its N values at the odd powers of a primitive 2N-th root of unity ψ, in
// bit-reversed order: entry i is a(ψ^(2·br(i)+1)), br reversing the log2(N) bits of i. So a polynomial in X^k (k a
// power of two) has a transform that is constant on runs of k consecutive entries.
#pragma once

#include <cstddef>
#include <cstdint>

#include "polyformer/ckks/arithmetic/aligned.h"
#include "polyformer/ckks/arithmetic/constants.h"
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

    /// roots()[i] = ψ^br(i), in the order of TransformTables.
    const std::uint64_t* roots() const { return roots_.data(); }

    /// What kernels take, good as long as these tables are there.
    operator TransformTables() const {  // NOLINT(misc-explicit-constructor)
        return {roots_.size(), modulus_, roots_.data(), root_quotients_.data(), inverse_dimension_, last_factor_};
    }

  private:
    Modulus modulus_;
    std::uint64_t primitive_root_;
    AlignedWords roots_;
    AlignedWords root_quotients_;
    ShoupFactor inverse_dimension_;
    ShoupFactor last_factor_;
};

}  // namespace polyformer::ckks
