// Inner products of two ciphertexts over rotations of both: the two products of attention.
#pragma once

#include <span>
#include <vector>

#include "polyformer/ckks/evaluator/evaluator.h"
#include "polyformer/ckks/rotations/baby_giant.h"
#include "polyformer/ckks/scheme/key_request.h"

namespace polyformer::ckks {

/// Σ_{r=first}^{last−1} rot_{r·left_step}(left) ⊙ rot_{r·right_step + right_offset}(right): both products of attention.
/// With r = a + baby·b it is Σ_b rot_{baby·b·left_step}( Σ_a rot_{a·left_step}(left) ⊙ rot_{a·right_step}(R_b) ),
/// R_b = rot_{baby·b·(right_step − left_step) + right_offset}(right): few keys, and hoisted rotations throughout.
struct RotatedInnerProduct {
    long first = 0;
    long last = 0;
    long left_step = 1;
    long right_step = 1;
    long right_offset = 0;
    long baby = 1;   ///< baby-step number
    long inner = 1;  ///< KeySaving's, for the baby steps of both

    /// The rotations that apply_rotated_inner_product() will use at `level`, and relinearisation there. Throws Error
    /// unless first < last and baby > 0.
    KeyRequest key_request(const Parameters& parameters, int level) const;

    friend bool operator==(const RotatedInnerProduct&, const RotatedInnerProduct&) = default;
};

/// results[i] of left[i] and right[i], which are as many: at one level and canonical scale; results one level down at
/// canonical scale. Throws Error when numbers, slots or levels do not fit, or when a key is missing.
std::vector<Ciphertext> apply_rotated_inner_product(const Evaluator& evaluator, const RotatedInnerProduct& product,
                                                    std::span<const Ciphertext> left,
                                                    std::span<const Ciphertext> right);

}  // namespace polyformer::ckks
