// Rotations of one ciphertext over Q·P, made row by row, so that what needs one row of all of them never holds more.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "ckks/automorphism.h"
#include "ckks/evaluator.h"

namespace polyformer::ckks {

/// The row of Σ_d digits[d] · (b_d, a_d) over q_0 .. q_level, p_0 .. of two rows of N residues; `digits` are that row
/// of every digit.
void multiply_row_by_key(const Parameters& parameters, std::span<const std::uint64_t* const> digits,
                         const SwitchingKey& key, std::size_t row, int level, std::array<std::uint64_t*, 2> out);

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
