// Linear maps on slots, by diagonals, baby-step giant-step, with hoisted rotations.
//
// A map is y = Σ_d diagonal_d ⊙ rot_d(x), where rot_d reads slot i + d. Offsets split as d = stride·(a + baby·b): the
// rotations by stride·a share one decomposition, and each giant step b rotates a finished inner sum.
#pragma once

#include <complex>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "polyformer/ckks/circuits/raised_sums.h"
#include "polyformer/ckks/evaluator/evaluator.h"
#include "polyformer/ckks/ring/automorphism.h"
#include "polyformer/ckks/rotations/diagonal_steps.h"
#include "polyformer/ckks/rotations/rotated_sum.h"
#include "polyformer/ckks/scheme/key_request.h"

namespace polyformer::ckks {

/// A map whose diagonals have complex values: the factors of bootstrapping's transforms. Rotations by baby steps stay
/// in the extended basis until all products of a giant step are summed (double hoisting, ePrint 2020/1203, §4).
class DiagonalTransform {
  public:
    /// `diagonals`: offset in (−slots, slots) → `slots` values. All offsets are multiples of `stride`. The plaintexts
    /// are encoded here, for ciphertexts at `level`, at `plaintext_scale`; diagonals that all repeat with a short
    /// period are kept as words of a subring. With `leaves_turn` results are rotated (DiagonalSteps). `role`: of the
    /// keys of baby steps; with sparse_to_dense the map is one of ciphertexts that were just raised. Throws Error on
    /// lengths or offsets that do not fit.
    DiagonalTransform(const Encoder& encoder, const Parameters& parameters,
                      const std::map<long, std::vector<std::complex<double>>>& diagonals, long stride, int baby,
                      int level, double plaintext_scale, KeySaving saving = {}, bool leaves_turn = false,
                      KeyRole role = KeyRole::rotation);

    /// Result: one level down, scale = input scale · plaintext_scale / q_level. Throws Error unless the input has the
    /// level, the slots and the kind that the map was made for, or when a rotation key is missing.
    Ciphertext apply(const Evaluator& evaluator, Ciphertext input) const;
    /// The same before rescaling and before the division by P: for those who have more to add first.
    ExtendedCiphertext apply_extended(const Evaluator& evaluator, Ciphertext input) const;
    /// Of a map made for such ciphertexts.
    Ciphertext apply(const Evaluator& evaluator, const RaisedCiphertext& input) const;
    ExtendedCiphertext apply_extended(const Evaluator& evaluator, const RaisedCiphertext& input) const;

    const DiagonalSteps& steps() const { return *steps_; }
    /// The rotations that apply() will use.
    KeyRequest key_request(const Parameters& parameters) const {
        return steps_->key_request(parameters, level_, role_);
    }
    /// Of the plaintexts.
    std::size_t bytes() const;

  private:
    /// Σ over baby steps for each giant step, over Q·P. Row by row, so that of the rotated inputs there is one row
    /// only.
    std::vector<ExtendedCiphertext> giant_sums(const Evaluator& evaluator, Ciphertext input) const;

    std::vector<ExtendedCiphertext> giant_sums(const Evaluator& evaluator, const RaisedCiphertext& input) const;

    /// Σ of what these give, each rotated by its giant step.
    RotatedSum sum_of_giants(const Evaluator& evaluator, std::vector<ExtendedCiphertext> sums) const;
    void check_input(const CiphertextMetadata& input, bool raised) const;

    std::optional<DiagonalSteps> steps_;
    int level_ = 0;
    double plaintext_scale_ = 1;
    KeyRole role_ = KeyRole::rotation;
    std::size_t slots_ = 0;
    /// (giant steps, baby steps), rotated by −stride·baby·giant step; empty where there is no diagonal.
    std::vector<SubringPlaintext> plaintexts_;
    std::shared_ptr<const AutomorphismCache> automorphisms_;
};

}  // namespace polyformer::ckks
