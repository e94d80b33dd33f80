#include "polyformer/compile/compile.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "polyformer/compile/analysis/analysis.h"
#include "polyformer/compile/schedule/expansion.h"
#include "polyformer/compile/schedule/key_choice.h"
#include "polyformer/compile/schedule/level_search.h"
#include "polyformer/compile/summary/summary.h"
#include "polyformer/model/graph/fingerprint.h"
#include "polyformer/model/graph/graph_shapes.h"
#include "polyformer/support/error.h"

namespace polyformer::compile {

namespace {

/// Where a token's factors are multiplied, and the levels of the circuit that results.
struct Candidate {
    TokenFactors factors = TokenFactors::before_maps;
    Schedule schedule;
};

bool fits(const model::Graph& graph, std::size_t slots, std::size_t images) {
    try {
        analyse(graph, choose_packing(slots, graph.context, images));
        return true;
    } catch (const Error&) {
        return false;
    }
}

/// All of a plan's frame that is known before its circuit.
Frame frame_of(const model::Graph& graph, const PlanOptions& options) {
    Frame frame{.parameters = ckks::Parameters::create(options.parameters)};
    frame.model_fingerprint = model::fingerprint(graph);
    frame.packing = choose_packing(frame.parameters.slots(), graph.context, options.images);
    frame.context = graph.context;
    frame.width = graph.width;
    frame.vocabulary = graph.vocabulary;
    frame.least_rows = model::takes_shorter_inputs(graph) ? 1 : graph.context;
    const std::size_t rows = model::shapes_of(graph).back().tokens;
    require(rows == 1 || rows == graph.context,
            "the logits of '{}' are {} rows for {} tokens: a plan gives a row for each token, or one for all of them",
            graph.nodes.back().name, rows, graph.context);
    return frame;
}

Candidate cheapest_candidate(const model::Graph& graph, const PlanOptions& options, const Frame& frame,
                             std::span<const TokenFactors> places) {
    std::optional<Candidate> best;
    std::optional<Error> refusal;
    for (const TokenFactors place : places) {
        try {
            const Circuit circuit = lower(graph, frame.packing, options.positions, place, Diagonals::offsets_only);
            Candidate candidate{place, choose_levels(circuit, frame.parameters, options.costs, frame.packing,
                                                     options.highest_input_level)};
            if (!best || candidate.schedule.seconds < best->schedule.seconds) best = std::move(candidate);
        } catch (const Error& error) {
            if (!refusal) refusal = error;  // another place may need fewer levels in one piece
        }
    }
    if (!best) throw Error(*refusal);
    return std::move(*best);
}

/// Chooses the plan's keys, and counts again what it takes.
void set_keys(Plan& plan, Keys keys) {
    const ckks::Parameters& parameters = plan.frame.parameters;
    const double seconds_per_byte = seconds_per_key_byte(keys, plan.seconds_without_keys, parameters);
    KeyChoice choice = choose_keys(plan.steps, plan.frame.packing, parameters, plan.options.costs, seconds_per_byte);
    plan.keys = std::move(choice.keys);
    plan.bootstrap_key_price = choice.bootstrap_key_price;
    summarise(plan);
}

/// The level at which a plan leaves a value.
int level_of(const Plan& plan, ValueId value) {
    for (auto step = plan.steps.rbegin(); step != plan.steps.rend(); ++step) {
        const std::vector<ValueId> outputs = outputs_of(step->operation);
        if (std::ranges::find(outputs, value) != outputs.end()) return step->output_level;
    }
    return plan.frame.input_level;  // of a graph that gives back its input
}

}  // namespace

std::vector<KeyPoint> key_points(Plan& plan) {
    std::vector<KeyPoint> points;
    for (const Keys keys : {Keys::small, Keys::balanced, Keys::fast}) {
        set_keys(plan, keys);
        points.push_back({keys, plan.summary});
    }
    set_keys(plan, plan.options.keys);
    return points;
}

std::size_t largest_image_count(const model::Graph& graph, const ckks::Parameters& parameters) {
    model::validate(graph);
    analyse(graph, choose_packing(parameters.slots(), graph.context));  // throws for what is wrong besides the number
    std::size_t images = 1;
    while (fits(graph, parameters.slots(), 2 * images)) images *= 2;
    return images;
}

Plan compile(const model::Graph& graph, const PlanOptions& options) {
    return compile_cheapest(
        graph, options,
        std::array{TokenFactors::before_maps, TokenFactors::behind_attention_maps, TokenFactors::behind_all_maps});
}

Plan compile_cheapest(const model::Graph& graph, const PlanOptions& options, std::span<const TokenFactors> places) {
    model::validate(graph);
    Plan plan{.options = options, .frame = frame_of(graph, options)};
    Frame& frame = plan.frame;
    const auto [factors, schedule] = cheapest_candidate(graph, options, frame, places);
    // Weights are many: they are laid out once, when it is known how.
    Circuit circuit = lower(graph, frame.packing, options.positions, factors);

    frame.input_layout = circuit.input_layout;
    frame.input_bound = circuit.input_bound;
    frame.input_level = schedule.input_level;
    frame.output_layout = circuit.output_layout;
    frame.output_bound = circuit.output_bound;
    frame.one_row = circuit.one_row;

    ExpandedCircuit expanded = expand(std::move(circuit), schedule, frame.parameters.working_level());
    plan.inputs = std::move(expanded.inputs);
    plan.steps = std::move(expanded.steps);
    plan.outputs = std::move(expanded.outputs);
    frame.output_level = level_of(plan, plan.outputs.front());
    plan.seconds_without_keys = schedule.seconds;
    set_keys(plan, options.keys);
    return plan;
}

}  // namespace polyformer::compile
