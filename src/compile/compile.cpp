// The compiler's passes, in order.
#include "compile/expansion.h"
#include "compile/level_search.h"
#include "compile/lowering.h"
#include "compile/plan.h"
#include "compile/summary.h"
#include "model/fingerprint.h"

namespace polyformer::compile {

Plan compile(const model::Graph& graph, const PlanOptions& options) {
    model::validate(graph);
    const auto parameters = ckks::Parameters::create(options.parameters);
    Plan plan{.options = options, .parameters = parameters};
    plan.model_fingerprint = model::fingerprint(graph);
    plan.packing = choose_packing(parameters.slots(), graph.context);
    plan.context = graph.context;
    plan.width = graph.width;
    plan.vocabulary = graph.vocabulary;

    Circuit circuit = lower(graph, plan.packing, options.positions);
    plan.least_rows = circuit.least_rows;
    plan.input_layout = circuit.input_layout;
    plan.input_bound = circuit.input_bound;
    plan.output_layout = circuit.output_layout;
    plan.output_bound = circuit.output_bound;
    plan.output_slot = circuit.output_slot;

    const Schedule schedule =
        choose_levels(circuit, parameters, options.costs, plan.packing, options.highest_input_level);
    plan.input_level = schedule.input_level;
    expand(std::move(circuit), schedule, plan);
    choose_keys_and_summarise(plan);
    return plan;
}

}  // namespace polyformer::compile
