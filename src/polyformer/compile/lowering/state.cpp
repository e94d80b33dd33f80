#include "polyformer/compile/lowering/state.h"

#include "polyformer/compile/analysis/analysis.h"
#include "polyformer/compile/gates/output_gates.h"

namespace polyformer::compile {

State::State(const model::Graph& the_graph, const Packing& packing, Positions which, TokenFactors factors)
    : graph(the_graph),
      positions(which),
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

}  // namespace polyformer::compile
