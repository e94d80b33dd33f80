// Rotations and products with plaintexts of a ciphertext whose modulus was just raised from q_0: of the half that meets
// the keys the single digit is known, so nothing is decomposed, and keys are a quarter as long (ePrint 2025/1403 saves
// the first transform's key switches as well).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "polyformer/ckks/evaluator/evaluator.h"
#include "polyformer/ckks/ring/automorphism.h"
#include "polyformer/ckks/scheme/ciphertext.h"

namespace polyformer::ckks {

/// A ciphertext under the sparse secret, below q_0 before it was raised, P being the product of
/// raised_special_count() primes.
struct RaisedCiphertext : CiphertextMetadata {
    RnsPolynomial first;   ///< P times the first half, over q_0 .. q_level
    RnsPolynomial second;  ///< over q_0 .. q_level and these special primes
};

/// sums[g] = Σ_a plaintexts[g·count + a] ⊙ rot_a(input) over Q·P under the dense secret, a < count = distances.size(),
/// at input.scale · plaintext_scale: rot_a rotates by distances[a] slots. Plaintexts without limbs are zero; the others
/// have one run. A chunk of all rows at a time is rotated, multiplied and added up in cache. Throws Error when a key is
/// missing, and unless the input is at the top of the chain.
std::vector<ExtendedCiphertext> raised_sums(const Evaluator& evaluator, const RaisedCiphertext& input,
                                            std::span<const long> distances,
                                            std::span<const SubringPlaintext> plaintexts, double plaintext_scale,
                                            const AutomorphismCache& automorphisms);

}  // namespace polyformer::ckks
