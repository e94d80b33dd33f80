// What primitives cost, in seconds: an option of every plan. polyformer/calibration/ measures them.
#pragma once

#include <string>

#include "polyformer/ckks/evaluator/operation_counts.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::compile {

/// What costs were measured on.
struct Machine {
    std::string processor = "AMD EPYC (Zen 5)";
    std::string kernels = "avx512";  ///< ckks::Kernels::name
    friend bool operator==(const Machine&, const Machine&) = default;
};

/// Seconds that primitives take of one thread while all are busy, at N = 2^16, as they occur in key switches, maps and
/// products: operands in memory rather than in cache. Time by the clock is that of all threads together, divided by
/// their number. The values here are those of one machine (docs/performance.md).
///
/// Prices are of what ckks/evaluator/operation_counts.h counts. Products by constants and permutations are free: they
/// happen within passes that are paid for.
struct CostModel {
    double ntt = 0.125e-3;             ///< one limb's transform, with its passes over memory
    double conversion_word = 0.10e-9;  ///< one modular multiply-add of one word of a base conversion
    double product_word = 0.12e-9;     ///< the same in a product with a periodic plaintext
    double inner_word = 0.38e-9;       ///< the same where both factors are in full length
    double key_word = 2.0e-9;          ///< one word of a key's half: read, the other half made, both multiplied
    double encoding_word = 3.4e-9;     ///< one residue of a periodic plaintext
    double sum_word = 0.45e-9;         ///< one residue of a sum
    double bootstrap = 1.8;            ///< one real ciphertext, with the fastest transforms
    double bootstrap_second = 0.75;    ///< the second of a pair adds
    double threads = 2;
    Machine machine{};

    // Wall-clock seconds of the three parts of a key switch, which operations combine: raising the digits (shared by
    // all rotations of a ciphertext), the product with the key, the division by P (shared by all terms of a sum).
    double decomposition(const ckks::Parameters& parameters, int level) const;
    double key_product(const ckks::Parameters& parameters, int level) const;
    double division(const ckks::Parameters& parameters, int level) const;
    double rotation(const ckks::Parameters& parameters, int level) const;          ///< all three
    double hoisted_rotation(const ckks::Parameters& parameters, int level) const;  ///< the last two
    double summed_rotation(const ckks::Parameters& parameters, int level) const;   ///< the first two
    double multiplication(const ckks::Parameters& parameters, int level) const;    ///< relinearised and rescaled

    /// Wall-clock seconds of what is counted; products are those of full length.
    double seconds(const ckks::Parameters& parameters, const ckks::OperationCounts& counts) const;
    double seconds(const ckks::Parameters& parameters, const ckks::KeySwitches& switches, int level) const;

    friend bool operator==(const CostModel&, const CostModel&) = default;
};

/// Work on N coefficients relative to N = 2^16, transforms counted.
double ring_factor(const ckks::Parameters& parameters);

/// "AMD EPYC (Zen 5), avx512 kernels".
std::string describe(const Machine& machine);

}  // namespace polyformer::compile
