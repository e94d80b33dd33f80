// Hybrid key switching (Han and Ki, ePrint 2019/688): decompose into digits and raise to Q·P, inner product with the
// key, divide by P. Polynomials are in evaluation order; rows of Q·P are q_0 .. q_level, p_0 .. p_{special-1}.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "ckks/keys.h"
#include "ckks/parameters.h"

namespace polyformer::ckks {

/// Digit d of x is x modulo limbs d·digit_limbs .. (the last digit has what is left), in (−Q_d/2, Q_d/2), raised to
/// Q·P: the part of key switching that any number of keys can share.
std::vector<RnsPolynomial> decompose(const Parameters& parameters, const RnsPolynomial& x, int level, int special,
                                     int digit_limbs);

/// Σ_d digits[d] · (b_d, a_d) over Q·P.
std::array<RnsPolynomial, 2> multiply_by_key(const Parameters& parameters, std::span<const RnsPolynomial> digits,
                                             const SwitchingKey& key, int level);

/// x / P, rounded to the nearest, over q_0 .. q_level. Uses x up.
std::array<RnsPolynomial, 2> divide_by_special(const Parameters& parameters, std::array<RnsPolynomial, 2> x, int level,
                                               int special);

/// All three: (d_0, d_1) with d_0 + d_1·s ≈ x·s', the key being from s' to s.
std::array<RnsPolynomial, 2> switch_key(const Parameters& parameters, const RnsPolynomial& x, const SwitchingKey& key,
                                        int level);

/// p_0 · … · p_{special-1} modulo a prime.
std::uint64_t special_product(const Parameters& parameters, int special, const Modulus& modulus);

}  // namespace polyformer::ckks
