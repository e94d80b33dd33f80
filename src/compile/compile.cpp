// The compiler's passes, in order.
#include <array>
#include <optional>

#include "compile/candidates.h"
#include "compile/expansion.h"
#include "compile/level_search.h"
#include "compile/summary.h"
#include "model/fingerprint.h"
#include "support/error.h"

namespace polyformer::compile {

namespace {

struct Candidate {
    Circuit circuit;
    Schedule schedule;
};

}  // namespace

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
    plan.packing = choose_packing(parameters.slots(), graph.context);
    plan.context = graph.context;
    plan.width = graph.width;
    plan.vocabulary = graph.vocabulary;

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
    plan.least_rows = circuit.least_rows;
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
