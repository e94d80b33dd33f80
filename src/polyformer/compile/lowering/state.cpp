#include "polyformer/compile/lowering/state.h"

#include <algorithm>

#include "polyformer/compile/analysis/analysis.h"
#include "polyformer/compile/gates/output_gates.h"

namespace polyformer::compile {

State::State(const model::Graph& the_graph, const Packing& packing, Positions which, TokenFactors factors,
             Diagonals diagonals)
    : graph(the_graph),
      positions(which),
      builder(diagonals),
      all_facts(analyse(the_graph, packing)),
      forms(the_graph, all_facts, builder),
      weights(the_graph.nodes.size()),
      suited(the_graph.nodes.size(), false),
      postponed(postponed_products(the_graph, all_facts, factors)) {}

bool State::gives_one_row() const {
    return positions == Positions::last || has_one_row(facts(), graph);
}

void State::produce_natural(Stored result) {
    result.storage.factor = 1 / facts().bound;
    forms.add(node, result);
}

bool normalised_later(const State& state, model::NodeId id) {
    return std::ranges::any_of(state.all_facts[id].uses, [&](const Use& use) {
        const model::Operation& reader = state.graph.nodes[use.reader].operation;
        const std::vector<model::NodeId> operands = model::inputs_of(reader);
        if (std::holds_alternative<model::Add>(reader)) return normalised_later(state, use.reader);
        return std::holds_alternative<model::Multiply>(reader) &&
               std::ranges::any_of(operands,
                                   [&](model::NodeId other) { return other != id && state.all_facts[other].by_head; });
    });
}

}  // namespace polyformer::compile
