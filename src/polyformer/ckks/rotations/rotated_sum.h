// Rotations of several ciphertexts, and sums of them that are divided by the special primes only once.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "polyformer/ckks/evaluator/evaluator.h"
#include "polyformer/ckks/rotations/baby_giant.h"

namespace polyformer::ckks {

/// Σ_j rot_{step_j}(a_j), each a_j at one level and scale: the giant steps of baby-step giant-step.
class RotatedSum {
  public:
    /// `role`: of the keys, rotation or low_rotation.
    explicit RotatedSum(const Evaluator& evaluator, KeyRole role = KeyRole::rotation)
        : evaluator_(&evaluator), role_(role) {}

    void add(const Ciphertext& a, long step);
    /// Over as many special primes as the keys.
    void add(ExtendedCiphertext a);
    void add(RotatedSum other);
    /// What was added so far by `step` more: Horner's rule. Nothing where nothing was added.
    void rotate(long step);

    /// The sum, rescaled so many times in the same division. Throws Error when nothing was added.
    Ciphertext result(int rescaled_levels = 0) const;

    KeyRole role() const { return role_; }
    bool empty() const { return !rotated_ && !unrotated_; }
    /// The sum before it is divided. Throws Error when nothing was added.
    ExtendedCiphertext extended() &&;

  private:
    /// A sum with rotated terms has to be divided before it is rotated again, but only the half that meets the key.
    friend void add_rotated(const Evaluator& evaluator, std::span<RotatedSum> sums, long step,
                            std::span<RotatedSum> totals);

    const Evaluator* evaluator_;
    KeyRole role_;
    std::optional<ExtendedCiphertext> rotated_;
    std::optional<Ciphertext> unrotated_;
};

/// Each ciphertext by itself.
std::vector<HoistedCiphertext> hoist_all(const Evaluator& evaluator, std::vector<Ciphertext> ciphertexts);

/// results[i][k] = rot_{stride·baby_steps[k]}(ciphertexts[i]), all ciphertexts at one level: a ciphertext's rotations
/// share its decomposition, and all ciphertexts the key of a step. Baby steps are ascending and taken with as few keys
/// as KeySaving::inner says.
std::vector<std::vector<Ciphertext>> baby_rotations(const Evaluator& evaluator, std::vector<Ciphertext> ciphertexts,
                                                    long stride, std::span<const long> baby_steps, long inner);
/// The same of ciphertexts that are hoisted already, and stay so.
std::vector<std::vector<Ciphertext>> baby_rotations(const Evaluator& evaluator, std::vector<HoistedCiphertext>& hoisted,
                                                    long stride, std::span<const long> baby_steps, long inner);

/// *totals[i] += rot_step(terms[i]), all terms at one level; they share the key.
void add_rotated(const Evaluator& evaluator, std::span<const Ciphertext> terms, long step,
                 std::span<RotatedSum* const> totals);

/// totals[i] += rot_step(sums[i]) where there is one, all sums at one level; they share the key, and the sums are
/// spent.
void add_rotated(const Evaluator& evaluator, std::span<RotatedSum> sums, long step, std::span<RotatedSum> totals);

}  // namespace polyformer::ckks
