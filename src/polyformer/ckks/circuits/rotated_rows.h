// Rotations of one ciphertext over Q·P, made row by row, so that what needs one row of all of them never holds more.
#pragma once

#include <span>
#include <vector>

#include "polyformer/ckks/evaluator/evaluator.h"
#include "polyformer/ckks/ring/automorphism.h"

namespace polyformer::ckks {

/// What Evaluator::rotate_extended() gives for each of some steps, one row at a time.
class RotatedRows {
  public:
    /// Decomposes `input`. Throws Error naming step and level when a rotation key is missing. `automorphisms` must
    /// outlive this.
    RotatedRows(const Evaluator& evaluator, const Ciphertext& input, std::span<const long> steps,
                const AutomorphismCache& automorphisms);

    std::size_t rotations() const { return rotations_.size(); }
    /// Row `row` of both components of every rotation, those of the first component first: 2·rotations() rows.
    void compute(std::size_t row, RnsPolynomial& out) const;

  private:
    struct Rotation {
        const SwitchingKey* key;  ///< null for the ciphertext itself
        const Permutation* permutation;
    };

    const Parameters& parameters_;
    HoistedCiphertext hoisted_;
    std::vector<Rotation> rotations_;
};

}  // namespace polyformer::ckks
