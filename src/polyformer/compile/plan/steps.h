// The steps of a plan, as data: what is computed on which ciphertexts, at which level.
//
// Steps work on ciphertexts named by ValueId, each assigned once. Every stored slot is (true value) / (bound of its
// node), or the Chebyshev variable u of the polynomial it feeds, so that it lies in [-1, 1].
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "polyformer/ckks/circuits/periodic_transform.h"
#include "polyformer/ckks/circuits/rotated_inner_product.h"
#include "polyformer/ckks/polynomials/polynomial_evaluation.h"
#include "polyformer/compile/layout/score_masks.h"

namespace polyformer::compile {

using ValueId = std::size_t;

/// outputs = map(inputs) + bias. Depth 1. `bias[o]` has as many values as a period, or none.
struct LinearMapStep {
    std::vector<ValueId> inputs;
    std::vector<ValueId> outputs;
    ckks::PeriodicDiagonals map;
    std::vector<std::vector<double>> bias;
    /// Diagonals of full length tell tokens apart: the executor gives rows beyond the text those of the rows that they
    /// repeat.
    bool by_token = false;
    bool real_inputs = true;  ///< so that their imaginary halves are free: what ckks::Pairing demands
};

/// output = left_factor · left + right. Depth 0; but with a factor other than 1, left must lie at least one level above
/// the step's, for the factor rides on the product that brings it down.
struct AddStep {
    ValueId left = 0;
    ValueId right = 0;
    ValueId output = 0;
    double left_factor = 1;
};

/// output = left ⊙ right. Depth 1.
struct MultiplyStep {
    ValueId left = 0;
    ValueId right = 0;
    ValueId output = 0;
};

/// output = mask ⊙ input + addend; both of a short period or full length. Depth 1. A mask of full length tells tokens
/// apart: the executor zeroes its rows beyond each text.
struct AffineStep {
    ValueId input = 0;
    ValueId output = 0;
    std::vector<double> mask;
    std::vector<double> addend;  ///< or none
    /// The mask weighs each token by one over the context: the executor makes that one over each text's tokens.
    bool averages = false;
};

/// What a polynomial stands for, where that is x^−power on an interval above 0 whose ends are in this ratio.
struct Inverse {
    double power = 1;
    double ratio = 1;
};

/// outputs = p(inputs), inputs being u in [-1, 1]. Depth series.depth(). With `scores` the executor gives the series
/// that mask, made for the texts: it rides along.
struct PolynomialStep {
    std::vector<ValueId> inputs;
    std::vector<ValueId> outputs;
    ckks::ChebyshevSeries series;
    std::optional<ScoreMask> scores = std::nullopt;
    std::optional<Inverse> inverse = std::nullopt;  ///< for estimates of noise
};

/// Attention's products, outputs[i] of left[i] and right[i]: see ckks::RotatedInnerProduct. Depth 1.
struct RotatedProductStep {
    std::vector<ValueId> left;
    std::vector<ValueId> right;
    std::vector<ValueId> outputs;
    ckks::RotatedInnerProduct product;
};

/// output = Σ_{k<count} rot_{k·stride}(input), count a power of two, by log2(count) rotations. Depth 0.
struct SumSlotsStep {
    ValueId input = 0;
    ValueId output = 0;
    std::size_t count = 1;
    long stride = 1;
};

/// output = Σ_k i^quarter_turns · rot_rotation(input) over the terms, or twice its real part; plus addend. Depth 0.
struct CombineStep {
    /// i^quarter_turns · rot_rotation(input).
    struct Term {
        ValueId input = 0;
        long rotation = 0;
        int quarter_turns = 0;
    };
    std::vector<Term> terms;
    ValueId output = 0;
    bool doubled_real_part = false;
    std::vector<double> addend;  ///< of any period, or none
};

/// One or two real values refreshed to the working level.
struct BootstrapStep {
    std::vector<ValueId> inputs;
    std::vector<ValueId> outputs;
};

/// Of each text one row of the input, `token` or else its last token's, in every row of the output. Depth 1.
struct SelectTokenStep {
    ValueId input = 0;
    ValueId output = 0;
    std::optional<std::size_t> token = std::nullopt;
};

using Operation = std::variant<LinearMapStep, AddStep, MultiplyStep, AffineStep, PolynomialStep, RotatedProductStep,
                               SumSlotsStep, CombineStep, BootstrapStep, SelectTokenStep>;

/// One step; its operands are adjusted to `level` first (bootstraps take theirs as they are).
struct Step {
    std::string name;  ///< of the model's node, for progress, profile and errors
    Operation operation;
    int level = 0;  ///< of the operands
    int output_level = 0;
    double seconds = 0;  ///< estimate
};

std::vector<ValueId> inputs_of(const Operation& operation);
std::vector<ValueId> outputs_of(const Operation& operation);
/// What kind of step it is: "linear_map", "add", "multiply", "affine", "polynomial", "rotated_product",
/// "sum_slots", "combine", "bootstrap" or "select_token".
std::string name_of(const Operation& operation);

}  // namespace polyformer::compile
