// How much arithmetic and memory the scheme's operations take at least: the one place where the formulas are.
//
// N ring dimension, l limbs of the ciphertext, k special primes (and limbs of a digit), d = ceil(l/k) digits. A word is
// one residue, 8 bytes.
//
// Arithmetic, in modular multiply-adds. A product by a constant in Shoup's form takes three 52-bit half products where
// a lazy multiply-add takes two: it counts as 1.5.
//   NTT, either way        1.5 · N/2 · log2 N          one product by a root for each butterfly
//   base conversion a → b  N · (1.5·a + a·b)           cofactors, then the sums
//   decompose              l NTTs, d·(l + k) − l NTTs, and for each digit of a limbs its conversion a → l + k − a
//   product with a key     2·d·(l + k)·N
//   division by P          2k NTTs, 2l NTTs, two conversions k → l, 1.5 · 2l·N for the last scaling
//   hoisted rotation       product with a key, division by P
//   rotation               decompose, and a hoisted rotation
//   product                4·l·N, then the same as a rotation
//   rescaling              2 NTTs, 2·(l − 1) NTTs, 1.5 · 2·(l − 1)·N
//   plaintext product      2·l·N
//   addition               nothing
//   bootstrap              a hoisted rotation by each of its rotation keys at the key's level, a decomposition for each
//                          transform's factor, and EvalMod's products with their rescalings, level by level, for each
//                          real ciphertext; less than what any baby-step giant-step split needs
//
// Memory: ciphertexts (2·l·N words), plaintexts (l·N), keys (2·d·(l + k)·N) and raised digits (d·(l + k)·N) that come
// from outside are read once, results are written once.
#pragma once

#include <cstddef>

#include "polyformer/ckks/scheme/parameters.h"
#include "polyformer/cli/bench/roofline.h"

namespace polyformer::cli {

/// One limb's transform; its tables of roots count as read.
Work ntt_work(std::size_t ring_dimension);
Work base_conversion_work(std::size_t ring_dimension, std::size_t from, std::size_t to);

/// Operations on ciphertexts of `limbs` limbs.
struct OperationShape {
    std::size_t ring_dimension = 0;
    std::size_t limbs = 0;
    std::size_t special = 0;

    std::size_t digits() const { return (limbs + special - 1) / special; }
    Work addition() const;
    Work plaintext_product() const;
    Work rescaling() const;
    /// Its inverse and forward transforms and its conversions: what hoisted rotations share.
    Work decomposition() const;
    Work hoisted_rotation() const;
    Work rotation() const;
    Work product() const;

  private:
    double words(double limb_count) const;
    double transforms(double count) const;
};

/// Of `ciphertexts` (one or two) real ciphertexts together, in a ring of dimension `ring_dimension` with the chain of
/// `parameters`. Throws Error when these cannot bootstrap.
Work bootstrap_work(const ckks::Parameters& parameters, std::size_t ring_dimension, std::size_t ciphertexts);

}  // namespace polyformer::cli
