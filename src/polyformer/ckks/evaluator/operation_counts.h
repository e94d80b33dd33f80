// How much arithmetic the scheme's operations take: the one place that counts it. From these counts are computed the
// compiler's costs (compile/plan/cost_model.h), the search for bootstrapping's transforms (dft_plan.h) and the floors
// of `polyformer bench` (work_counts.h); what circuits of many operations take is in circuit_counts.h.
//
// N ring dimension, l limbs of the ciphertext, k special primes (and limbs of a digit), d = ⌈l/k⌉ digits. All is
// counted in limbs, arrays of N residues: times N, counts are words. Transforms, products and key limbs are what
// happens; sums, and reductions of residues modulo another prime, are not counted.
//
//                        transforms       products of limbs
//   base conversion a→b  -                a·b, and a by a constant (cofactors)
//   decomposition        d·(l + k)        for each digit of a limbs its conversion a → l + k − a
//   product with a key   -                d·(l + k) limbs of either half
//   division by P        2·(l + k)        two conversions k → l, and 2·l by a constant
//   rescaling            2·l              2·(l − 1) by a constant
//   product, plaintext   -                2·l
//   product              -                4·l; relinearised, then a decomposition, a product with a key and a division
#pragma once

#include <cstddef>

#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// Limbs that an operation works on, each as often as it does.
struct OperationCounts {
    double transforms = 0;           ///< NTTs, either way
    double products = 0;             ///< multiplied by others and added up: ciphertexts, plaintexts
    double conversion_products = 0;  ///< the same within base conversions
    double constant_products = 0;    ///< multiplied by constants in Shoup's form
    /// Of a key's stored half: each is read, its counterpart made from the seed, and both are multiplied and added up.
    double key_limbs = 0;
    double permuted = 0;  ///< written in another order
    /// Read from memory or written to it at least: operands (keys in both halves, and raised digits, too) and results
    /// of the operation, once each.
    double moved = 0;

    OperationCounts& operator+=(const OperationCounts& other);
    friend OperationCounts operator+(OperationCounts a, const OperationCounts& b) { return a += b; }
    friend OperationCounts operator*(double times, const OperationCounts& a);
};

/// From `from` primes to `to` others.
OperationCounts base_conversion_counts(std::size_t from, std::size_t to);

/// Counts operations on ciphertexts at one level, two components each.
///
///     OperationCounter(parameters, 5).rotation().transforms  // d·(l + k) + 2·(l + k) with l = 6
class OperationCounter {
  public:
    /// `special`: special primes of the keys, and limbs of a digit; 0: all that there are.
    OperationCounter(const Parameters& parameters, int level, int special = 0);

    double limbs() const { return limbs_; }            ///< l
    double rows() const { return limbs_ + special_; }  ///< over q_0 … q_level and the special primes
    /// d·(l + k): limbs of all raised digits, and of either half of a key.
    double raised_limbs() const { return digits_ * rows(); }

    OperationCounts addition() const;
    OperationCounts plaintext_product() const;
    OperationCounts rescaling() const;

    // The three parts of a key switch: raising the digits of one polynomial (shared by all rotations of a ciphertext),
    // their product with a key, the division of a pair by P (shared by all terms of a sum).
    OperationCounts decomposition() const;
    OperationCounts key_product() const;
    OperationCounts division() const;
    /// Of one polynomial of the pair: of a sum that is rotated once more, only the half that meets the key is divided.
    OperationCounts half_division() const;

    /// Of a ciphertext that is decomposed already: the last two parts.
    OperationCounts hoisted_rotation() const;
    /// All three parts.
    OperationCounts rotation() const;
    /// Of two ciphertexts, relinearised. Rescaling in the same division takes as many transforms and a few products
    /// less.
    OperationCounts product() const;

  private:
    double limbs_;
    double special_;
    double digits_;
};

/// Key switches of a circuit by what they share.
struct KeySwitches {
    double decompositions = 0;  ///< by themselves, for hoisted rotations
    double again = 0;           ///< half a division, decomposition and key product: of a sum that is rotated once more
    double hoisted = 0;         ///< key product and division, of a ciphertext that is decomposed already
    double whole = 0;           ///< all three parts: single rotations, relinearisations
    double summed = 0;          ///< decomposition and key product, for a sum that is divided once
    double divisions = 0;       ///< by themselves, of such sums

    /// Products with a key.
    std::size_t total() const { return static_cast<std::size_t>(again + hoisted + whole + summed); }
};

}  // namespace polyformer::ckks
