// Rotations of one ciphertext over Q·P, made row by row, so that what needs one row of all of them never holds more.
#pragma once

#include <span>
#include <vector>

#include "polyformer/ckks/evaluator/evaluator.h"
#include "polyformer/ckks/ring/automorphism.h"
#include "polyformer/ckks/rotations/baby_giant.h"

namespace polyformer::ckks {

/// What Evaluator::rotate_extended() gives for each of some steps, one row at a time.
class RotatedRows {
  public:
    /// By stride·baby_steps, which are ascending and taken with as few keys as KeySaving::inner says; decomposes
    /// `input` and what is rotated once more. Throws Error naming step and level when a rotation key is missing.
    /// `automorphisms` must outlive this. `role`: of the keys, rotation or low_rotation.
    RotatedRows(const Evaluator& evaluator, Ciphertext input, long stride, std::span<const long> baby_steps, long inner,
                const AutomorphismCache& automorphisms, KeyRole role);

    std::size_t rotations() const { return rotations_.size(); }
    /// Row `row` of both components of every rotation, those of the first component first: 2·rotations() rows.
    void compute(std::size_t row, RnsPolynomial& out) const;

  private:
    struct Rotation {
        std::size_t source = 0;
        const SwitchingKey* key = nullptr;  ///< null for the source itself
        const Permutation* permutation = nullptr;
    };
    void add_stage(const Evaluator& evaluator, const BabyStage& stage, long stride, std::span<const long> baby_steps,
                   const AutomorphismCache& automorphisms);

    const Parameters& parameters_;
    KeyRole role_;
    std::vector<HoistedCiphertext> sources_;  ///< the input, and its rotations that are rotated once more
    std::vector<Rotation> rotations_;
};

}  // namespace polyformer::ckks
