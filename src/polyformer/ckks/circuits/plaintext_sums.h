// Many inner products of one set of limbs with plaintexts that are constant on runs: a small modular matrix product.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "polyformer/ckks/arithmetic/modulus.h"

namespace polyformer::ckks {

/// One limb of each source and of each result.
struct LimbSums {
    std::vector<const std::uint64_t*> sources;  ///< (count), n residues each
    std::vector<std::uint64_t*> results;        ///< (results), n residues each, overwritten
};

/// For every operand: results[g] = Σ_k weights[g·count + k] ⊙ sources[k]. Weights are rows of n / run residues, each
/// standing for `run` equal ones; a null row is zero. n is a power of two, at least 8. Works in blocks of columns, so
/// that sources are read from memory once for all results, and weights once for all operands.
void plaintext_sums(std::span<const LimbSums> operands, std::span<const std::uint64_t* const> weights, std::size_t n,
                    std::size_t run, const Modulus& q);

}  // namespace polyformer::ckks
