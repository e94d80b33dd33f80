// Inner products of two ciphertexts over rotations of both: the two products of attention.
#pragma once

#include <span>
#include <vector>

#include "polyformer/ckks/evaluator/evaluator.h"
#include "polyformer/ckks/rotations/baby_giant.h"
#include "polyformer/ckks/scheme/key_request.h"

namespace polyformer::ckks {

/// Σ_{r=first}^{last−1} rot_{r·left_step}(left) ⊙ rot_{r·right_step + right_offset}(right): both products of attention.
/// With r = a + baby·(b + left_shifts·c), 0 ≤ a < baby and 0 ≤ b < left_shifts, it is
///
///     Σ_{b,c} rot_{baby·(b·right_step + left_shifts·c·left_step)}( Σ_a rot_{a·left_step}(L_b) ⊙
///     rot_{a·right_step}(R_c) )
///
/// of L_b = rot_{baby·b·(left_step − right_step)}(left) and
/// R_c = rot_{baby·left_shifts·c·(right_step − left_step) + right_offset}(right). Each digit of r that an outer
/// rotation takes on is missing in one of the operands, so that of 8·8 terms neither needs more than 8·4 rotations; all
/// are hoisted, and few keys do.
struct RotatedInnerProduct {
    long first = 0;
    long last = 0;
    long left_step = 1;
    long right_step = 1;
    long right_offset = 0;
    long baby = 1;         ///< baby-step number
    long left_shifts = 1;  ///< number of shifts b of the left operand, all of which are held at once
    long inner = 1;        ///< KeySaving's, for the baby steps of both

    /// The rotations that apply_rotated_inner_product() will use at `level`, and relinearisation there. Throws Error
    /// unless first < last, baby > 0 and left_shifts > 0.
    KeyRequest key_request(const Parameters& parameters, int level) const;

    friend bool operator==(const RotatedInnerProduct&, const RotatedInnerProduct&) = default;
};

/// results[i] of left[i] and right[i], which are as many: at one level and canonical scale; results one level down at
/// canonical scale. Throws Error when numbers, slots or levels do not fit, or when a key is missing.
std::vector<Ciphertext> apply_rotated_inner_product(const Evaluator& evaluator, const RotatedInnerProduct& product,
                                                    std::span<const Ciphertext> left,
                                                    std::span<const Ciphertext> right);

}  // namespace polyformer::ckks
