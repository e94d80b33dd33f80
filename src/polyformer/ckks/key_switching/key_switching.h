// Hybrid key switching (Han and Ki, ePrint 2019/688): decompose into digits and raise to Q·P, inner product with the
// key, divide by P. Polynomials are in evaluation order; rows of Q·P are q_0 .. q_level, p_0 .. p_{special-1}, see
// Parameters::row(). Nothing here checks its operands: the evaluator has.
#pragma once

#include <span>
#include <vector>

#include "polyformer/ckks/key_switching/key_product.h"
#include "polyformer/ckks/ring/rns_polynomial.h"
#include "polyformer/ckks/scheme/ciphertext.h"
#include "polyformer/ckks/scheme/keys.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// x / (P·q_level·…), rounded to the nearest, over the primes left of q_0 .. q_level.
PolynomialPair divide_by_special(const Parameters& parameters, const PolynomialPair& x, int level, int special,
                                 const Ending& ending = {});

/// One half of such a pair alone.
RnsPolynomial divide_by_special(const Parameters& parameters, const RnsPolynomial& x, int level, int special);

/// The products with a key, divided by P: (d_0, d_1) with d_0 + d_1·s ≈ x·s', the digits being those of x and the key
/// from s' to s.
std::vector<PolynomialPair> switch_key(const Parameters& parameters, DigitBatch digits, const SwitchingKey& key,
                                       int level, std::span<const Ending> endings);
/// The same for one x from x itself.
PolynomialPair switch_key(const Parameters& parameters, const RnsPolynomial& x, const SwitchingKey& key, int level,
                          const Ending& ending = {});

/// The ciphertext whose two components are a pair over q_0 .. q_level.
Ciphertext ciphertext_of(CiphertextMetadata metadata, PolynomialPair pair);

}  // namespace polyformer::ckks
