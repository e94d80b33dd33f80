// The automorphisms X -> X^g of Z[X]/(X^N+1), which rotate and conjugate the slots.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace polyformer::ckks {

/// A rotation of `slots` slots by `step`, of any sign, as a step in [0, slots).
constexpr long normalised_step(long step, std::size_t slots) {
    const auto n = static_cast<long>(slots);
    return (step % n + n) % n;
}

/// 5^steps mod 2N: slot i of the result is slot i+steps of the argument, cyclically over N/2 slots. Any sign.
std::uint64_t rotation_galois_element(std::size_t ring_dimension, std::int64_t steps);
/// 2N-1: complex conjugation of every slot.
std::uint64_t conjugation_galois_element(std::size_t ring_dimension);

using Permutation = std::vector<std::uint32_t>;

/// The index for Kernels::permute that turns the evaluations of a(X) into those of a(X^galois_element).
/// Throws Error unless the element is odd and below 2N.
Permutation evaluation_permutation(std::size_t ring_dimension, std::uint64_t galois_element);

/// a(X^galois_element) from the coefficients of a(X), of N residues modulo q each; the arrays must not overlap.
/// Throws like evaluation_permutation().
void apply_to_coefficients(std::uint64_t* out, const std::uint64_t* in, std::size_t ring_dimension,
                           std::uint64_t galois_element, std::uint64_t q);

/// Permutations made when first asked for and kept (4·N bytes each). Safe to use from many threads.
class AutomorphismCache {
  public:
    explicit AutomorphismCache(std::size_t ring_dimension) : ring_dimension_(ring_dimension) {}

    /// Stays valid as long as the cache. Throws like evaluation_permutation().
    const Permutation& permutation(std::uint64_t galois_element) const;

  private:
    std::size_t ring_dimension_;
    mutable std::mutex mutex_;
    mutable std::map<std::uint64_t, std::unique_ptr<const Permutation>> permutations_;
};

}  // namespace polyformer::ckks
