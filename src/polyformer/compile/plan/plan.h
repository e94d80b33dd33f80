// A plan: everything that encrypted inference will do, known before it starts.
//
// Steps work on ciphertexts named by ValueId, each assigned once. Every stored slot is (true value) / (bound of its
// node), or the Chebyshev variable u of the polynomial it feeds, so that it lies in [-1, 1].
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "polyformer/ckks/circuits/linear_transform.h"
#include "polyformer/ckks/circuits/polynomial_evaluation.h"
#include "polyformer/ckks/scheme/keys.h"
#include "polyformer/ckks/scheme/parameters.h"
#include "polyformer/compile/layout/packing.h"
#include "polyformer/compile/plan/cost_model.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

using ValueId = std::size_t;

/// outputs = map(inputs) + bias. Depth 1. `bias[o]` has as many values as a period, or none.
struct LinearMapStep {
    std::vector<ValueId> inputs;
    std::vector<ValueId> outputs;
    ckks::PeriodicDiagonals map;
    std::vector<std::vector<double>> bias;
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
/// apart: the executor zeroes its rows beyond the text.
struct AffineStep {
    ValueId input = 0;
    ValueId output = 0;
    std::vector<double> mask;
    std::vector<double> addend;  ///< or none
};

/// outputs = p(inputs), inputs being u in [-1, 1]. Depth series.depth(). A mask in the series is attention's: it rides
/// along, and the executor zeroes its rows beyond the text.
struct PolynomialStep {
    std::vector<ValueId> inputs;
    std::vector<ValueId> outputs;
    ckks::ChebyshevSeries series;
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

/// Row (tokens of the request − 1) of the input, in every row of the output. Depth 1.
struct SelectLastTokenStep {
    ValueId input = 0;
    ValueId output = 0;
};

using Operation = std::variant<LinearMapStep, AddStep, MultiplyStep, AffineStep, PolynomialStep, RotatedProductStep,
                               SumSlotsStep, CombineStep, BootstrapStep, SelectLastTokenStep>;

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
/// "sum_slots", "combine", "bootstrap" or "select_last_token".
std::string name_of(const Operation& operation);

/// Which logits the client gets. A model that gives one row for all tokens gives it either way.
enum class Positions { last, all };

struct PlanOptions {
    Positions positions = Positions::all;
    ckks::ParametersLiteral parameters;  ///< presets::bootstrapping_65536() unless told otherwise
    CostModel costs;
    /// The request's ciphertexts come at most this high; by default as high as pays.
    std::optional<int> highest_input_level{};
    /// Images (or texts of one length) that a request holds side by side, a power of two: the same steps serve all of
    /// them, as long as their features fit.
    std::size_t images = 1;
};

/// What a plan will take; printed and saved before anything runs.
struct PlanSummary {
    std::size_t bootstraps = 0;           ///< BootstrapSteps
    std::size_t bootstrapped_values = 0;  ///< ciphertexts refreshed
    std::size_t key_switches = 0;         ///< of the network; bootstraps' own are counted too
    std::size_t ciphertext_products = 0;
    std::size_t plaintext_products = 0;  ///< diagonals and masks
    std::size_t rotation_keys = 0;
    std::size_t key_bytes_memory = 0;
    std::size_t key_bytes_file = 0;
    std::size_t working_bytes = 0;  ///< ciphertexts, plaintexts and tables at the worst moment, bootstrapping's too
    std::size_t request_bytes = 0;
    std::size_t reply_bytes = 0;
    double seconds = 0;
};

struct Plan {
    PlanOptions options;
    ckks::Parameters parameters;
    std::string model_fingerprint{};
    Packing packing{};        ///< of the input
    std::size_t context = 0;  ///< tokens that the model takes; packing.tokens ≥ context
    std::size_t width = 0;
    std::size_t vocabulary = 0;
    std::size_t least_rows = 1;  ///< of a request: 1, or the context (model::takes_shorter_inputs)

    Layout input_layout{};
    double input_bound = 1;  ///< the client divides embeddings by it
    int input_level = 0;     ///< level of the request's ciphertexts
    std::vector<ValueId> inputs{};

    std::vector<Step> steps{};

    std::vector<ValueId> outputs{};
    Layout output_layout{};   ///< where each token has logits: vocabulary entries by feature position
    double output_bound = 1;  ///< the client multiplies by it
    /// Where an image has one row of logits: entry v of image b is slot output_slot[b · vocabulary + v] of the output
    /// ciphertexts laid end to end.
    std::vector<std::size_t> output_slot{};

    /// One row of logits for each image or text, whatever its number of tokens.
    bool gives_one_row() const { return !output_slot.empty(); }

    ckks::KeyRequest keys{};
    PlanSummary summary{};
};

/// Throws Error naming the node, what it needs and what would help, when no parameter set of the options can hold it.
Plan compile(const model::Graph& graph, const PlanOptions& options);

/// The most images a ciphertext that the model's heads leave room for. Throws as compile() does when not even one fits.
std::size_t largest_image_count(const model::Graph& graph, const ckks::Parameters& parameters);

/// A directory with plan.json (options and summary, for people and for checking), graph.json and weights.safetensors:
/// all that a server needs besides keys. Loading compiles again and refuses a plan.json that does not match.
void save_plan(const Plan& plan, const model::Graph& graph, const std::filesystem::path& directory);
Plan load_plan(const std::filesystem::path& directory);

/// Embedded tokens or patches (row-major (images, rows, width), least_rows ≤ rows ≤ context, 1 ≤ images ≤
/// packing.images) to the slot vectors of the request. Rows beyond a text repeat it from its start: nothing depends on
/// them and they attend to nothing, but they must stay within the bounds like any text. Places of images that are not
/// there hold the last one again.
std::vector<std::vector<double>> pack_input(const Plan& plan, std::span<const double> embedded, std::size_t rows,
                                            std::size_t images = 1);
/// Slot vectors of the reply to logits, (images, rows, vocabulary); rows = 1 where the plan gives one row.
std::vector<double> unpack_output(const Plan& plan, std::span<const std::vector<double>> slots, std::size_t rows,
                                  std::size_t images = 1);

}  // namespace polyformer::compile
