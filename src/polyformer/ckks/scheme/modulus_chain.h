// Picks the primes of a parameter set and the canonical scales that follow from them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// All primes of a parameter set, and the scale of every level.
struct ModulusChain {
    std::vector<std::uint64_t> q;      ///< by level
    std::vector<std::uint64_t> p;      ///< special primes
    std::vector<double> scales;        ///< by level
    double eval_mod_output_scale = 0;  ///< 0 without bootstrapping
};

/// Levels that EvalMod takes: the depth of the cosine's Chebyshev series, one for each double angle and the guard
/// prime.
int eval_mod_levels(const BootstrappingLiteral& bootstrapping);

/// The level of EvalMod's guard prime, which is never used alone: a product one level above is rescaled by both primes.
/// So T_1 and T_2 of the series may have scales far above those of the other levels, where rounding errors would be
/// amplified most: T_32 magnifies an error of T_2 up to 256 times, and every doubling of the index less by four.
int guard_level(const ParametersLiteral& literal);

/// The literal's fields have been checked one by one. Throws Error when the ring has too few primes near 2^scale_bits
/// for the scales to stay within 2^-10 of it.
ModulusChain choose_modulus_chain(const ParametersLiteral& literal);

/// log2 of the product of some primes.
double log2_product(std::span<const std::uint64_t> primes);

}  // namespace polyformer::ckks
