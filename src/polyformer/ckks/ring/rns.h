// Residue number systems: numbers modulo a product of primes, as one residue (limb) per prime.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "polyformer/ckks/arithmetic/modulus.h"
#include "polyformer/ckks/arithmetic/ntt.h"

namespace polyformer::ckks {

/// Distinct primes with their transforms; cheap to copy, the tables are shared.
class RnsBasis {
  public:
    RnsBasis() = default;
    /// Makes the tables of every prime, on all threads. Throws Error when two primes are equal or one has no transform.
    RnsBasis(std::size_t ring_dimension, std::span<const std::uint64_t> primes);

    std::size_t size() const { return tables_.size(); }
    const NttTables& tables(std::size_t limb) const { return *tables_[limb]; }
    const Modulus& modulus(std::size_t limb) const { return tables_[limb]->modulus(); }

  private:
    std::vector<std::shared_ptr<const NttTables>> tables_;
};

/// Fast base conversion (Bajard et al., and Halevi–Polyakov–Shoup, ePrint 2018/117): from residues of x modulo q_0,
/// ..., with product Q, to residues modulo other primes p_0, ..., coefficient by coefficient. With y_i = x·(Q/q_i)^-1
/// mod q_i, the sum Σ y_i·(Q/q_i) is x + v·Q for some 0 ≤ v < number of q_i, and v is known from Σ y_i/q_i.
class BaseConverter {
  public:
    /// Throws Error when `from` is empty or holds a prime twice.
    BaseConverter(std::span<const Modulus> from, std::span<const Modulus> to);

    /// (Q/q_i)^-1 mod q_i, by which source limb i must be multiplied before a conversion: the inverse transform before
    /// it does that on the way.
    std::uint64_t source_factor(std::size_t i) const { return inverse_cofactors_[i]; }

    /// Residues of the representative of x in [-Q/2, Q/2): exact unless x lies within about Q·2^-48 of ±Q/2, where it
    /// may be Q too large or too small. `scaled` has one pointer per source prime, to x times its source_factor(),
    /// `out` one per target prime, each to n coefficients; n is a power of two. Uses all threads.
    void convert_centered(std::span<const std::uint64_t* const> scaled, std::span<std::uint64_t* const> out,
                          std::size_t n) const;

  private:
    void convert_range(std::span<const std::uint64_t* const> scaled, std::span<std::uint64_t* const> out,
                       std::size_t begin, std::size_t end) const;

    std::vector<Modulus> from_;
    std::vector<Modulus> to_;
    std::vector<std::uint64_t> inverse_cofactors_;  // (Q/q_i)^-1 mod q_i
    std::vector<double> reciprocals_;               // 1/q_i
    std::vector<std::uint64_t> weights_;            // (target, source + 1): Q/q_i mod p_j, and last -Q mod p_j
};

}  // namespace polyformer::ckks
