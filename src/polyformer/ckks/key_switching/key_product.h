// The second part of key switching: the inner product of a ciphertext's digits with a key, over Q·P.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "polyformer/ckks/key_switching/decomposition.h"
#include "polyformer/ckks/ring/automorphism.h"
#include "polyformer/ckks/ring/rns_polynomial.h"
#include "polyformer/ckks/scheme/keys.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// Two polynomials of one length: the components of a ciphertext, or what a key makes of one.
using PolynomialPair = std::array<RnsPolynomial, 2>;

/// `count` pairs of polynomials of `rows` rows of N residues, of which all are about to be written.
std::vector<PolynomialPair> uninitialised_pairs(std::size_t count, std::size_t ring_dimension, std::size_t rows);

/// What becomes of a pair over Q·P, in the passes that make it.
struct Ending {
    /// Added to the pair, times P: null or polynomials over q_0 .. q_level at least.
    std::array<const RnsPolynomial*, 2> addends{};
    /// Added to the first half as it is: null or a polynomial over all rows of the pair. Only multiply_by_key() does
    /// it.
    const RnsPolynomial* extended = nullptr;
    /// Of the evaluations of the result: see automorphism.h. Null: none.
    const Permutation* permutation = nullptr;
    /// Where the pair is divided by P, the top primes q_level, … that it is divided by at the same time.
    int rescaled_levels = 0;
};

/// Digits of several ciphertexts at one level, each with its ending: they share the key, which is read and its uniform
/// half made only once.
using DigitBatch = std::span<const std::span<const RnsPolynomial>>;

/// One row of every digit of a ciphertext; asked for once only where the digits are still to be transformed.
using DigitSource = std::function<DigitRows(std::size_t ciphertext, std::size_t row)>;

/// What is given must outlive the source.
DigitSource digit_source(DigitBatch digits);
DigitSource digit_source(std::vector<Decomposition>& decomposed);

/// Digits of some polynomials as a key wants them, which must outlive the result.
std::vector<Decomposition> decompositions(const Parameters& parameters,
                                          std::span<const RnsPolynomial* const> polynomials, const SwitchingKey& key,
                                          int level);

/// Both halves of a row over q_0 .. q_level, p_0 ..
using PairRow = std::array<const std::uint64_t*, 2>;
/// Makes that row of one pair after the other: at `scratch` (two rows, which it may fill), or elsewhere.
using RowOfPairs = std::function<PairRow(std::size_t pair, RnsPolynomial& scratch)>;
using PairSource = std::function<RowOfPairs(std::size_t row)>;

/// The rows of Σ_d digits[d] · (b_d, a_d) of `count` ciphertexts, made when they are asked for.
PairSource key_products(const Parameters& parameters, const DigitSource& digits, std::size_t count,
                        const SwitchingKey& key, int level);

/// The row of Σ_d digits[d] · (b_d, a_d) over q_0 .. q_level, p_0 .. of two rows of N residues; `digits` are that row
/// of every digit.
void multiply_row_by_key(const Parameters& parameters, std::span<const std::uint64_t* const> digits,
                         const SwitchingKey& key, std::size_t row, int level, std::array<std::uint64_t*, 2> out);

/// Σ_d digits[d] · (b_d, a_d) over Q·P for the digits of each polynomial, of which each row is transformed just before
/// its product.
std::vector<PolynomialPair> multiply_by_key(const Parameters& parameters,
                                            std::span<const RnsPolynomial* const> polynomials, const SwitchingKey& key,
                                            int level, std::span<const Ending> endings);

}  // namespace polyformer::ckks
