// Hybrid key switching (Han and Ki, ePrint 2019/688): decompose into digits and raise to Q·P, inner product with the
// key, divide by P. Polynomials are in evaluation order; rows of Q·P are q_0 .. q_level, p_0 .. p_{special-1}.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "polyformer/ckks/ring/automorphism.h"
#include "polyformer/ckks/scheme/keys.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// What becomes of a pair over Q·P, in the passes that make it.
struct Ending {
    /// Added to the pair, times P: null or polynomials over q_0 .. q_level at least.
    std::array<const RnsPolynomial*, 2> addends{};
    /// Of the evaluations of the result: see automorphism.h. Null: none.
    const Permutation* permutation = nullptr;
    /// Where the pair is divided by P, the top primes q_level, … that it is divided by at the same time.
    int rescaled_levels = 0;
};

/// Digit d of x is x modulo limbs d·digit_limbs .. (the last digit has what is left), in (−Q_d/2, Q_d/2), raised to
/// Q·P: the part of key switching that any number of keys can share.
std::vector<RnsPolynomial> decompose(const Parameters& parameters, const RnsPolynomial& x, int level, int special,
                                     int digit_limbs);

/// The row of Σ_d digits[d] · (b_d, a_d) over q_0 .. q_level, p_0 .. of two rows of N residues; `digits` are that row
/// of every digit.
void multiply_row_by_key(const Parameters& parameters, std::span<const std::uint64_t* const> digits,
                         const SwitchingKey& key, std::size_t row, int level, std::array<std::uint64_t*, 2> out);

/// Two polynomials of one length: the components of a ciphertext, or what a key makes of one.
using PolynomialPair = std::array<RnsPolynomial, 2>;
/// Digits of several ciphertexts at one level, each with its ending: they share the key, which is read and its uniform
/// half made only once.
using DigitBatch = std::span<const std::span<const RnsPolynomial>>;

/// Σ_d digits[d] · (b_d, a_d) over Q·P.
PolynomialPair multiply_by_key(const Parameters& parameters, std::span<const RnsPolynomial> digits,
                               const SwitchingKey& key, int level, const Ending& ending = {});
std::vector<PolynomialPair> multiply_by_key(const Parameters& parameters, DigitBatch digits, const SwitchingKey& key,
                                            int level, std::span<const Ending> endings);
/// The same from the polynomials themselves: each row of their digits is transformed just before its product.
std::vector<PolynomialPair> multiply_by_key(const Parameters& parameters,
                                            std::span<const RnsPolynomial* const> polynomials, const SwitchingKey& key,
                                            int level, std::span<const Ending> endings);

/// x / (P·q_level·…), rounded to the nearest, over the primes left of q_0 .. q_level.
PolynomialPair divide_by_special(const Parameters& parameters, const PolynomialPair& x, int level, int special,
                                 const Ending& ending = {});

/// The product with the key divided by P: (d_0, d_1) with d_0 + d_1·s ≈ x·s', the digits being those of x and the key
/// from s' to s.
PolynomialPair switch_key(const Parameters& parameters, std::span<const RnsPolynomial> digits, const SwitchingKey& key,
                          int level, const Ending& ending = {});
std::vector<PolynomialPair> switch_key(const Parameters& parameters, DigitBatch digits, const SwitchingKey& key,
                                       int level, std::span<const Ending> endings);
/// The same from x itself.
PolynomialPair switch_key(const Parameters& parameters, const RnsPolynomial& x, const SwitchingKey& key, int level,
                          const Ending& ending = {});

/// p_0 · … · p_{special-1} modulo a prime.
std::uint64_t special_product(const Parameters& parameters, int special, const Modulus& modulus);

}  // namespace polyformer::ckks
