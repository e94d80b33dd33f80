// What primitives cost on this machine, in seconds: an option of every plan.
#pragma once

#include "polyformer/ckks/evaluator/operation_counts.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::compile {

/// Seconds that primitives take on one thread at N = 2^16, as `polyformer bench` measures them (docs/performance.md).
///
/// Prices are of what ckks/evaluator/operation_counts.h counts, a little simplified, where the floors of `polyformer
/// bench` take all of it: products by constants and permutations are free, a relinearised product costs what a rotation
/// does, and a decomposition's conversions take all limbs to all rows, l·(l + k) products for about l·l.
struct CostModel {
    double ntt = 0.15e-3;           ///< one limb, with its passes over memory
    double product_word = 0.14e-9;  ///< one modular multiply-add of one word: matrix products, base conversion
    double key_word = 1.9e-9;       ///< one word of a key's half: read, the other half regenerated, both multiplied
    double bootstrap = 3.5;         ///< one real ciphertext
    double bootstrap_second = 0.9;  ///< the second of a pair adds
    double threads = 1.85;          ///< by which all of it is faster: two cores, not quite twice

    // Wall-clock seconds of the three parts of a key switch, which operations combine: raising the digits (shared by
    // all rotations of a ciphertext), the product with the key, the division by P (shared by all terms of a sum).
    double decomposition(const ckks::Parameters& parameters, int level) const;
    double key_product(const ckks::Parameters& parameters, int level) const;
    double division(const ckks::Parameters& parameters, int level) const;
    double rotation(const ckks::Parameters& parameters, int level) const;          ///< all three
    double hoisted_rotation(const ckks::Parameters& parameters, int level) const;  ///< the last two
    double summed_rotation(const ckks::Parameters& parameters, int level) const;   ///< the first two
    double multiplication(const ckks::Parameters& parameters, int level) const;    ///< relinearised and rescaled

    /// Wall-clock seconds of what is counted.
    double seconds(const ckks::Parameters& parameters, const ckks::OperationCounts& counts) const;
    double seconds(const ckks::Parameters& parameters, const ckks::KeySwitches& switches, int level) const;
};

/// Work on N coefficients relative to N = 2^16, transforms counted.
double ring_factor(const ckks::Parameters& parameters);

}  // namespace polyformer::compile
