// The network as gates on bundles of ciphertexts: layouts and constants are settled, levels and bootstraps are not.
//
// A bundle holds all ciphertexts of one value; they share a level, which keeps the search for levels small.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "polyformer/ckks/circuits/periodic_transform.h"
#include "polyformer/ckks/circuits/rotated_inner_product.h"
#include "polyformer/compile/layout/packing.h"
#include "polyformer/compile/layout/score_masks.h"
#include "polyformer/compile/plan/steps.h"

namespace polyformer::compile {

using BundleId = std::size_t;

/// All ciphertexts of one value: they have one level, and are refreshed together.
struct Bundle {
    std::string name;
    std::size_t ciphertexts = 0;
    /// Slots lie within [-1, 1]. Raw scores do not before their mask, nor do partial sums of attention.
    bool can_bootstrap = true;
};

/// All ciphertexts of all inputs to all ciphertexts of all outputs, in order.
struct MapGate {
    ckks::PeriodicDiagonals map;
    std::vector<std::vector<double>> bias;
    bool by_token = false;  ///< as in LinearMapStep
};

/// left_factor · left + right. A factor other than 1 takes left one level above the sum.
struct SumGate {
    double left_factor = 1;
};

/// Ciphertext by ciphertext; a bundle of one is a factor of each of the other's.
struct ProductGate {};

/// One mask and addend for each ciphertext of the bundle.
struct AffineGate {
    std::vector<std::vector<double>> masks;
    std::vector<std::vector<double>> addends;
    bool averages = false;  ///< as in AffineStep
};

/// One mask for each ciphertext of the bundle, or none at all. What masks leave of scores is complex (ScoreMask).
struct PolynomialGate {
    std::vector<double> coefficients;
    std::vector<ScoreMask> masks;
    std::optional<Inverse> inverse = std::nullopt;
};

/// Attention's products, of complex slots (docs/packing.md). Scores: left (groups), right (groups) → (groups · blocks).
/// Values: left (groups · blocks), right (groups) → (groups), summed over blocks.
struct AttentionGate {
    ckks::RotatedInnerProduct product;  ///< of block 0
    std::vector<long> right_offsets;    ///< one a block
    bool sums_blocks = false;
};

/// Each ciphertext summed over `count` slots at distance `stride`; all ciphertexts added up first if so wanted.
struct SumSlotsGate {
    std::size_t count = 1;
    long stride = 1;
    bool adds_ciphertexts = false;
};

/// Sums of rotated ciphertexts times powers of i, all output ciphertexts of all inputs' ciphertexts: how real values
/// are paired as complex ones and parted again. Costs no level.
struct CombineGate {
    /// i^quarter_turns · rot_rotation(one ciphertext of one input).
    struct Term {
        std::size_t input = 0;       ///< of the gate
        std::size_t ciphertext = 0;  ///< of that input
        long rotation = 0;
        int quarter_turns = 0;  ///< times i to this power
    };
    std::vector<std::vector<Term>> outputs;
    bool doubled_real_part = false;            ///< of each sum: the sum plus its conjugate
    std::vector<std::vector<double>> addends;  ///< of each output, or none
};

/// One token in all rows: this one, or the text's last.
struct SelectTokenGate {
    std::optional<std::size_t> token;
};

using GateOperation = std::variant<MapGate, SumGate, ProductGate, AffineGate, PolynomialGate, AttentionGate,
                                   SumSlotsGate, CombineGate, SelectTokenGate>;

/// One operation on bundles, for the model's node of this name.
struct Gate {
    std::string name;  ///< of the model's node
    GateOperation operation;
    std::vector<BundleId> inputs;
    std::vector<BundleId> outputs;
};

/// Levels that a gate consumes.
int depth_of(const Gate& gate);

/// Levels by which an input must lie above the level that the gate runs at.
int headroom_of(const Gate& gate, std::size_t input);

/// Gates in order of evaluation.
struct Circuit {
    std::vector<Bundle> bundles;
    std::vector<Gate> gates;
    BundleId input = 0;
    BundleId output = 0;
    Layout input_layout;
    double input_bound = 1;
    Layout output_layout;  ///< what every slot holds; 0 where it says nothing
    double output_bound = 1;
    bool one_row = false;  ///< a request has one row of logits: all rows of the layout are equal
};

/// By bundle: whether its slots have no imaginary part. Scores and their weights do (docs/packing.md).
std::vector<bool> real_bundles(const Circuit& circuit);

}  // namespace polyformer::compile
