// Arithmetic on ciphertexts. All functions leave their operands alone and return new ciphertexts.
//
// Convention: a ciphertext "at level l" normally has the canonical scale parameters.scale(l). Products have the product
// of both scales until rescale() brings them to parameters.scale(l − 1), exactly. Sums demand equal levels and scales
// (relative difference below 2^-30) and otherwise throw an Error that prints both.
#pragma once

#include <array>
#include <complex>
#include <memory>
#include <span>
#include <vector>

#include "polyformer/ckks/scheme/ciphertext.h"
#include "polyformer/ckks/scheme/encoder.h"
#include "polyformer/ckks/scheme/keys.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// A ciphertext decomposed and raised once, so that many rotations share that work (hoisting).
struct HoistedCiphertext {
    Ciphertext ciphertext;
    std::vector<RnsPolynomial> digits;  ///< of components[1], each over q_0 .. q_level, p_0 .. p_{k-1}
};

/// A pair over the extended basis Q·P: a key-switched value before its division by P.
struct ExtendedCiphertext {
    std::array<RnsPolynomial, 2> components;
    int level = 0;
    double scale = 1;
    std::size_t slots = 0;
    std::string key_fingerprint;
};

struct Ending;

class Evaluator {
  public:
    /// Throws Error when the keys belong to other parameters.
    Evaluator(Parameters parameters, std::shared_ptr<const EvaluationKeys> keys);

    const Parameters& parameters() const { return parameters_; }
    const Encoder& encoder() const { return encoder_; }
    const EvaluationKeys& keys() const { return *keys_; }

    // Sums.
    Ciphertext add(const Ciphertext& a, const Ciphertext& b) const;
    Ciphertext subtract(const Ciphertext& a, const Ciphertext& b) const;
    Ciphertext negate(const Ciphertext& a) const;
    Ciphertext add(const Ciphertext& a, const Plaintext& b) const;
    Ciphertext add(const Ciphertext& a, const SubringPlaintext& b) const;
    /// Adds the same constant to all slots.
    Ciphertext add_constant(const Ciphertext& a, std::complex<double> constant) const;

    // Products; the scale of the result is the product of scales, rescale() it.
    Ciphertext multiply(const Ciphertext& a, const Ciphertext& b) const;         ///< relinearised
    Ciphertext square(const Ciphertext& a) const;                                ///< relinearised
    Ciphertext multiply_lazily(const Ciphertext& a, const Ciphertext& b) const;  ///< three components
    Ciphertext relinearise(const Ciphertext& a) const;
    /// What rescaling the relinearised ciphertext `levels` times gives, with one division and one rounding for both:
    /// two thirds of the transforms. Two components are only rescaled.
    Ciphertext relinearise_and_rescale(const Ciphertext& a, int levels = 1) const;
    Ciphertext multiply_and_rescale(const Ciphertext& a, const Ciphertext& b) const;
    Ciphertext multiply(const Ciphertext& a, const Plaintext& b) const;
    Ciphertext multiply(const Ciphertext& a, const SubringPlaintext& b) const;
    /// Constant encoded at `scale` (by default the canonical scale of the level).
    Ciphertext multiply_constant(const Ciphertext& a, std::complex<double> constant, double scale = 0) const;
    /// No change of scale.
    Ciphertext multiply_integer(const Ciphertext& a, std::int64_t factor) const;
    Ciphertext multiply_by_i(const Ciphertext& a) const;

    /// Σ_k a_k · b_k with one relinearisation; all at one level and scale.
    Ciphertext inner_product(std::span<const Ciphertext> a, std::span<const Ciphertext> b) const;
    /// The same before its relinearisation: three components.
    Ciphertext inner_product_lazily(std::span<const Ciphertext> a, std::span<const Ciphertext> b) const;

    // Levels.
    /// Divides by the top prime, `levels` times: so many levels down. Throws Error when there are fewer.
    Ciphertext rescale(const Ciphertext& a, int levels = 1) const;
    /// Forgets the primes above `level`; the scale stays what it is.
    Ciphertext drop_to_level(const Ciphertext& a, int level) const;
    /// Brings a to `level` at canonical scale; costs a constant product and a rescale, no further level.
    /// A ciphertext already at `level` with canonical scale is returned as it is.
    Ciphertext adjust(const Ciphertext& a, int level) const;

    // Rotations: slot i of the result is slot i + step of a (cyclic in a.slots).
    /// Throws Error naming step and level when no key for it is there.
    Ciphertext rotate(const Ciphertext& a, long step) const;
    Ciphertext conjugate(const Ciphertext& a) const;
    HoistedCiphertext hoist(Ciphertext a) const;
    Ciphertext rotate(const HoistedCiphertext& a, long step) const;
    /// Of several at one level, which share what the key costs: reading one half of it and making the other.
    std::vector<Ciphertext> rotate(std::span<const HoistedCiphertext> a, long step) const;
    /// Without the division by P: sums of products with extended plaintexts share one (double hoisting).
    ExtendedCiphertext rotate_extended(const HoistedCiphertext& a, long step) const;
    std::vector<ExtendedCiphertext> rotate_extended(std::span<const HoistedCiphertext> a, long step) const;
    /// Without keeping a decomposition that no other rotation would share.
    std::vector<ExtendedCiphertext> rotate_extended(std::span<const Ciphertext> a, long step) const;
    /// a / P, plus the addend at the same level and scale if there is one, rescaled `levels` times: all in one
    /// division.
    Ciphertext divide_by_special(const ExtendedCiphertext& a, const Ciphertext* addend = nullptr, int levels = 0) const;
    /// Every slot gets the sum over each group of `count` slots at distance `stride`: log2(count) rotations.
    Ciphertext sum_slots(const Ciphertext& a, std::size_t count, long stride = 1) const;

    /// Switches the key of a two-component ciphertext.
    Ciphertext switch_key(const Ciphertext& a, const SwitchingKey& key) const;

  private:
    struct Tables;
    void check_rescaling(const Ciphertext& a, int levels) const;
    Ciphertext rescale_once(const Ciphertext& a) const;
    /// The pair, which is a's value rescaled `levels` times, with the attributes for that.
    Ciphertext rescaled_pair(const Ciphertext& a, std::array<RnsPolynomial, 2> pair, int levels = 0) const;
    template <class Residues>
    Ciphertext multiply_residues(const Ciphertext& a, const Residues& residues) const;
    Ending permuted(const Ciphertext& a, std::uint64_t galois_element) const;
    ExtendedCiphertext times_special(const Ciphertext& a) const;
    struct RotationBatch;
    RotationBatch rotation_batch(std::span<const Ciphertext* const> a, long step) const;

    Parameters parameters_;
    Encoder encoder_;
    std::shared_ptr<const EvaluationKeys> keys_;
    std::shared_ptr<const Tables> tables_;
};

}  // namespace polyformer::ckks
