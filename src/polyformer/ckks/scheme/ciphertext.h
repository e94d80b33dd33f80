// Plaintexts and ciphertexts: polynomials, and what is known of the message in them. All of them are
// CiphertextMetadata, so that what an operation does to level, scale and slots is said once:
//
//   Ciphertext product{product_of(a, b), {std::move(c0), std::move(c1), std::move(c2)}};
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "polyformer/ckks/ring/rns_polynomial.h"
#include "polyformer/ckks/ring/uniform_stream.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// What every plaintext and ciphertext says about itself.
struct CiphertextMetadata {
    int level = 0;                ///< the polynomials are over q_0 .. q_level
    double scale = 1;             ///< what the message was multiplied by before it was rounded
    std::size_t slots = 0;        ///< values in the message: N/2, or fewer, a power of two, when it repeats
    std::string key_fingerprint;  ///< of the key set that it is encrypted under; empty for what never was

    const CiphertextMetadata& metadata() const { return *this; }
    /// The same message at another level and scale.
    CiphertextMetadata at(int new_level, double new_scale) const;
};

/// Two scales that count as equal: their relative difference is below 2^-30.
bool same_scale(double a, double b);

/// Of a sum, whose operands have the same level, scale and key set: the slots are the larger number.
CiphertextMetadata sum_of(const CiphertextMetadata& a, const CiphertextMetadata& b);
/// Of a product, whose operands have the same level and key set: scales multiply, the slots are the larger number.
CiphertextMetadata product_of(const CiphertextMetadata& a, const CiphertextMetadata& b);
/// `levels` levels down, the scale divided by each prime that is taken off. Throws Error below level 0.
CiphertextMetadata rescaled(const Parameters& parameters, const CiphertextMetadata& metadata, int levels);

/// An encoded vector: full length, in evaluation order over q_0 .. q_level.
struct Plaintext : CiphertextMetadata {
    RnsPolynomial polynomial;
};

/// An encoded vector whose values repeat with a short period F = slots: it lies in the subring of X^(N/2F), so each
/// prime needs only 2F residues, each standing for a run of N/2F equal evaluations.
struct SubringPlaintext : CiphertextMetadata {
    RnsPolynomial polynomial;  ///< ring_dimension() here is 2F, not N
    std::size_t run = 1;       ///< N / 2F
};

/// Two components (three after a product without relinearisation) over q_0 .. q_level:
/// Σ components[i]·s^i = scale · message + noise.
struct Ciphertext : CiphertextMetadata {
    std::vector<RnsPolynomial> components;
    std::size_t bytes() const;  ///< of the components' residues in memory
};

/// A fresh symmetric ciphertext with its uniform half still as a seed: half the bytes to send.
struct SeededCiphertext : CiphertextMetadata {
    RnsPolynomial b;
    Seed seed{};
};

/// The ordinary ciphertext that a seeded one stands for. Throws Error unless b has N residues for each of
/// q_0 .. q_level.
Ciphertext expand(const Parameters& parameters, const SeededCiphertext& ciphertext);

/// A ciphertext with this metadata and `components` components, each of them N · (level + 1) residues not yet written.
Ciphertext uninitialised_ciphertext(const Parameters& parameters, CiphertextMetadata metadata, std::size_t components);

/// Throws Error unless the level is one of the parameters', there are 2 or 3 components, and each has N residues for
/// each of q_0 .. q_level.
void check_ciphertext(const Parameters& parameters, const Ciphertext& a);

}  // namespace polyformer::ckks
