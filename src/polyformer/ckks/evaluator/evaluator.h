// Arithmetic on ciphertexts. All functions leave their operands alone and return new ciphertexts.
//
// Convention: a ciphertext "at level l" normally has the canonical scale parameters.scale(l). Products have the product
// of both scales until rescale() brings them to parameters.scale(l − 1), exactly. Sums demand equal levels and scales
// (relative difference below 2^-30) and otherwise throw an Error that prints both.
#pragma once

#include <complex>
#include <memory>
#include <span>
#include <vector>

#include "polyformer/ckks/evaluator/constants.h"
#include "polyformer/ckks/evaluator/rescaling.h"
#include "polyformer/ckks/evaluator/rotator.h"
#include "polyformer/ckks/key_switching/extended_ciphertext.h"
#include "polyformer/ckks/scheme/ciphertext.h"
#include "polyformer/ckks/scheme/encoder.h"
#include "polyformer/ckks/scheme/keys.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// Cheap to copy; copies share keys and tables. All functions are safe to call from many threads, and use all threads
/// themselves. All throw Error for a ciphertext that does not belong to the parameters, and for operands under
/// different key sets.
class Evaluator {
  public:
    /// Throws Error when there are no keys or they belong to other parameters.
    Evaluator(Parameters parameters, std::shared_ptr<const EvaluationKeys> keys);

    const Parameters& parameters() const { return parameters_; }
    const Encoder& encoder() const { return encoder_; }
    const EvaluationKeys& keys() const { return *keys_; }

    // Sums and differences, of operands at one level and scale: Error otherwise. A plaintext may lie higher.
    Ciphertext add(const Ciphertext& a, const Ciphertext& b) const;
    Ciphertext subtract(const Ciphertext& a, const Ciphertext& b) const;
    Ciphertext negate(const Ciphertext& a) const;
    Ciphertext add(const Ciphertext& a, const Plaintext& b) const;
    Ciphertext add(const Ciphertext& a, const SubringPlaintext& b) const;
    /// Adds the same constant to all slots. Throws Error when it is not finite or overflows the level.
    Ciphertext add_constant(Ciphertext a, std::complex<double> constant) const {
        return ckks::add_constant(parameters_, std::move(a), constant);
    }

    // Products, of operands at one level (a plaintext may lie higher); the scale of the result is the product of
    // scales, rescale() it. They throw Error for other levels; for factors of three components; and where they
    // relinearise, when there is no relinearisation key for the level.
    Ciphertext multiply(const Ciphertext& a, const Ciphertext& b) const;         ///< relinearised
    Ciphertext square(const Ciphertext& a) const;                                ///< relinearised
    Ciphertext multiply_lazily(const Ciphertext& a, const Ciphertext& b) const;  ///< three components
    /// 2·a·b, three components: with one pass less than a sum.
    Ciphertext multiply_doubled(const Ciphertext& a, const Ciphertext& b) const;
    /// Three components become two; two stay as they are.
    Ciphertext relinearise(const Ciphertext& a) const;
    /// What rescaling the relinearised ciphertext `levels` times gives, with one division and one rounding for both:
    /// two thirds of the transforms. Two components are only rescaled.
    Ciphertext relinearise_and_rescale(const Ciphertext& a, int levels = 1) const;
    /// Of several of three components, at one level, without the division by P; they share what the key costs. Throws
    /// Error unless there is one, and all have three components, one level and one key set.
    std::vector<ExtendedCiphertext> relinearise_extended(std::span<const Ciphertext> a) const;
    Ciphertext multiply_and_rescale(const Ciphertext& a, const Ciphertext& b) const;
    Ciphertext multiply(const Ciphertext& a, const Plaintext& b) const;
    Ciphertext multiply(const Ciphertext& a, const SubringPlaintext& b) const;
    /// Constant encoded at `scale` (by default the canonical scale of the level). Throws Error when it is not finite or
    /// overflows the level.
    Ciphertext multiply_constant(const Ciphertext& a, std::complex<double> constant, double scale = 0) const {
        return ckks::multiply_constant(parameters_, a, constant, scale);
    }
    /// No change of scale.
    Ciphertext multiply_integer(const Ciphertext& a, std::int64_t factor) const {
        return ckks::multiply_integer(parameters_, a, factor);
    }
    /// No change of scale.
    Ciphertext multiply_by_i(const Ciphertext& a) const { return ckks::multiply_by_i(parameters_, a); }

    /// Σ_k a_k · b_k with one relinearisation; all at one level and scale. Throws Error when there are no terms.
    Ciphertext inner_product(std::span<const Ciphertext> a, std::span<const Ciphertext> b) const;
    /// The same before its relinearisation: three components.
    Ciphertext inner_product_lazily(std::span<const Ciphertext> a, std::span<const Ciphertext> b) const;

    // Levels.
    /// Divides by the top prime, `levels` times: so many levels down. Throws Error when there are fewer.
    Ciphertext rescale(const Ciphertext& a, int levels = 1) const { return ckks::rescale(parameters_, a, levels); }
    /// Forgets the primes above `level`; the scale stays what it is. Throws Error when a lies lower.
    Ciphertext drop_to_level(const Ciphertext& a, int level) const {
        return ckks::drop_to_level(parameters_, a, level);
    }
    /// Brings a to `level` at canonical scale; costs a constant product and a rescale, no further level.
    /// A ciphertext already at `level` with canonical scale is returned as it is. Throws Error when it lies lower, or
    /// at `level` with another scale.
    Ciphertext adjust(const Ciphertext& a, int level) const;

    // Rotations: slot i of the result is slot i + step of a (cyclic in a.slots). They take two components, and throw
    // Error naming step and level when no key for it is there.
    Ciphertext rotate(const Ciphertext& a, long step) const { return rotator_.rotate(a, step); }
    /// Of every slot.
    Ciphertext conjugate(const Ciphertext& a) const { return rotator_.conjugate(a); }
    /// Of several at one level, which share what the key costs.
    std::vector<Ciphertext> conjugate(std::span<const Ciphertext> a) const { return rotator_.conjugate(a); }
    /// For rotations by keys of this role.
    HoistedCiphertext hoist(Ciphertext a, KeyRole role = KeyRole::rotation) const {
        return rotator_.hoist(std::move(a), role);
    }
    Ciphertext rotate(const HoistedCiphertext& a, long step) const {
        return std::move(rotator_.rotate(std::span(&a, 1), step).front());
    }
    /// Of several at one level, which share what the key costs: reading one half of it and making the other.
    std::vector<Ciphertext> rotate(std::span<const HoistedCiphertext> a, long step) const {
        return rotator_.rotate(a, step);
    }
    /// Of several at one level, without the division by P, which sums of rotations share (double hoisting).
    std::vector<ExtendedCiphertext> rotate_extended(std::span<const Ciphertext> a, long step,
                                                    KeyRole role = KeyRole::rotation) const {
        return rotator_.rotate_extended(a, step, role);
    }
    /// Of several sums of rotations at one level that were not divided either: only the halves that meet the key are.
    std::vector<ExtendedCiphertext> rotate_extended(std::span<const ExtendedCiphertext> a, long step,
                                                    KeyRole role = KeyRole::rotation) const {
        return rotator_.rotate_extended(a, step, role);
    }
    ExtendedCiphertext conjugate_extended(const ExtendedCiphertext& a) const { return rotator_.conjugate_extended(a); }
    /// a / P, plus the addend at the same level and scale if there is one, rescaled `levels` times: all in one
    /// division. Throws Error when the addend differs or there are fewer levels.
    Ciphertext divide_by_special(const ExtendedCiphertext& a, const Ciphertext* addend = nullptr, int levels = 0) const;
    /// Every slot gets the sum over each group of `count` slots, a power of two, at distance `stride`: log2(count)
    /// rotations.
    Ciphertext sum_slots(const Ciphertext& a, std::size_t count, long stride = 1) const;

    /// The ciphertext under another secret; the key is from a's secret to that. Two components. Throws Error when the
    /// key does not reach a's level or lacks rows.
    Ciphertext switch_key(const Ciphertext& a, const SwitchingKey& key) const;

  private:
    /// Times `factor`, 1 or 2.
    Ciphertext products(std::span<const Ciphertext> a, std::span<const Ciphertext> b, int factor) const;

    Parameters parameters_;
    Encoder encoder_;
    std::shared_ptr<const EvaluationKeys> keys_;
    Rotator rotator_;
};

}  // namespace polyformer::ckks
