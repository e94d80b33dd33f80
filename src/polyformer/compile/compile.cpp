// The compiler's passes, in order.
#include <array>
#include <optional>

#include "polyformer/compile/candidates.h"
#include "polyformer/compile/lowering/analysis.h"
#include "polyformer/compile/reports/summary.h"
#include "polyformer/compile/schedule/expansion.h"
#include "polyformer/compile/schedule/level_search.h"
#include "polyformer/model/graph/fingerprint.h"
#include "polyformer/support/error.h"

namespace polyformer::compile {

namespace {

struct Candidate {
    Circuit circuit;
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

}  // namespace

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
    const auto parameters = ckks::Parameters::create(options.parameters);
    Plan plan{.options = options, .parameters = parameters};
    plan.model_fingerprint = model::fingerprint(graph);
    plan.packing = choose_packing(parameters.slots(), graph.context, options.images);
    plan.context = graph.context;
    plan.width = graph.width;
    plan.vocabulary = graph.vocabulary;
    plan.least_rows = model::takes_shorter_inputs(graph) ? 1 : graph.context;
    const std::size_t rows = model::shapes_of(graph).back().tokens;
    require(rows == 1 || rows == graph.context,
            "the logits of '{}' are {} rows for {} tokens: a plan gives a row for each token, or one for all of them",
            graph.nodes.back().name, rows, graph.context);

    std::optional<Candidate> best;
    std::optional<Error> refusal;
    for (const TokenFactors place : places) {
        try {
            Candidate candidate{lower(graph, plan.packing, options.positions, place), {}};
            candidate.schedule =
                choose_levels(candidate.circuit, parameters, options.costs, plan.packing, options.highest_input_level);
            if (!best || candidate.schedule.seconds < best->schedule.seconds) best = std::move(candidate);
        } catch (const Error& error) {
            if (!refusal) refusal = error;  // another place may need fewer levels in one piece
        }
    }
    if (!best) throw Error(*refusal);
    Circuit& circuit = best->circuit;
    plan.input_layout = circuit.input_layout;
    plan.input_bound = circuit.input_bound;
    plan.output_layout = circuit.output_layout;
    plan.output_bound = circuit.output_bound;
    plan.output_slot = circuit.output_slot;
    plan.input_level = best->schedule.input_level;
    expand(std::move(circuit), best->schedule, plan);
    choose_keys_and_summarise(plan);
    return plan;
}

}  // namespace polyformer::compile
