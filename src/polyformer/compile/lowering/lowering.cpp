#include "polyformer/compile/lowering/lowering.h"

#include <utility>
#include <variant>

#include "polyformer/compile/analysis/prefixes.h"
#include "polyformer/compile/gates/output_gates.h"
#include "polyformer/compile/lowering/attention_nodes.h"
#include "polyformer/compile/lowering/linear_nodes.h"
#include "polyformer/compile/lowering/polynomial_nodes.h"
#include "polyformer/compile/lowering/product_nodes.h"
#include "polyformer/compile/lowering/state.h"
#include "polyformer/compile/lowering/token_nodes.h"
#include "polyformer/support/system/cancellation.h"

namespace polyformer::compile {

namespace {

void finish(State& state, const Stored& logits) {
    if (state.gives_one_row()) {
        give_row(state.builder, logits, state.facts(), state.graph);
    } else {
        give_all_rows(state.builder, logits, state.facts(), state.graph);
    }
}

}  // namespace

Circuit lower(const model::Graph& graph, const Packing& packing, Positions positions, TokenFactors factors,
              Diagonals diagonals) {
    State state(graph, packing, positions, factors, diagonals);
    for (const model::NodeId id : evaluation_order(graph, state.all_facts)) {
        throw_if_cancelled();
        state.node = id;
        state.builder.begin_node(graph.nodes[id].name);
        std::visit([&](const auto& operation) { lower(state, operation); }, graph.nodes[id].operation);
    }
    state.node = graph.nodes.size() - 1;
    if (!state.finished) finish(state, state.forms.natural(state.node));
    return std::move(state.builder.circuit);
}

}  // namespace polyformer::compile
