// Values over Q·P: key-switched, and not yet divided by P. Sums of them share one division (double hoisting, Bossuat et
// al., ePrint 2020/1203).
#pragma once

#include "polyformer/ckks/key_switching/key_switching.h"
#include "polyformer/ckks/scheme/ciphertext.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// A pair over q_0 .. q_level, p_0 .. p_{special-1}: P, the product of these special primes, times what the metadata
/// describe.
struct ExtendedCiphertext : CiphertextMetadata {
    PolynomialPair components;

    int special() const { return static_cast<int>(components[0].limbs()) - level - 1; }
};

/// Components not yet written.
ExtendedCiphertext uninitialised_extended(const Parameters& parameters, CiphertextMetadata metadata, int special);

/// Throws Error unless each component has N residues for each of q_0 .. q_level, p_0 .. p_{special-1}, special from 1
/// to k.
void check_extended(const Parameters& parameters, const ExtendedCiphertext& a);

/// P·a, which is 0 modulo the special primes. `a` has two components.
ExtendedCiphertext times_special(const Parameters& parameters, const Ciphertext& a, int special);

// In place, of values at one level, and of as many special primes where both have some.
void add_extended(const Parameters& parameters, ExtendedCiphertext& sum, const ExtendedCiphertext& a);
void subtract_extended(const Parameters& parameters, ExtendedCiphertext& difference, const ExtendedCiphertext& a);
/// sum += P·a, two components.
void add_times_special(const Parameters& parameters, ExtendedCiphertext& sum, const Ciphertext& a);

/// a / P, plus the addend if there is one, of the same level and scale and with two components, rescaled
/// `levels` ≤ a.level times: all in one division.
Ciphertext divide_by_special(const Parameters& parameters, const ExtendedCiphertext& a, const Ciphertext* addend,
                             int levels);

}  // namespace polyformer::ckks
