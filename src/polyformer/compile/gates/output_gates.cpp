#include "polyformer/compile/gates/output_gates.h"

#include <bit>
#include <utility>

#include "polyformer/compile/circuit/token_maps.h"
#include "polyformer/model/graph/graph_shapes.h"

namespace polyformer::compile {

namespace {

void give(CircuitBuilder& builder, const Stored& logits, bool one_row) {
    Circuit& circuit = builder.circuit;
    circuit.output = logits.bundle;
    circuit.output_bound = 1 / logits.storage.factor;
    circuit.output_layout = logits.storage.layout;
    circuit.one_row = one_row;
}

/// The same constants, 0 wherever the masks are.
Stored masked(CircuitBuilder& builder, const Stored& logits, std::vector<std::vector<double>> masks) {
    return builder.affine(logits, {logits.storage.factor, logits.storage.shift}, std::move(masks));
}

}  // namespace

bool has_one_row(const NodeFacts& logits, const model::Graph& graph) {
    return logits.equal_rows || (logits.shape.tokens == 1 && graph.context > 1);
}

void give_all_rows(CircuitBuilder& builder, const Stored& logits, const NodeFacts& facts, const model::Graph& graph) {
    const bool fills_rows = facts.packing.tokens == graph.context && !model::takes_shorter_inputs(graph);
    if (fills_rows && logits.storage.zero_elsewhere) return give(builder, logits, false);
    give(builder, masked(builder, logits, row_masks(facts.packing, logits.storage.layout, graph.context)), false);
}

void give_row(CircuitBuilder& builder, const Stored& logits, const NodeFacts& facts, const model::Graph& graph) {
    const Stored row =
        has_one_row(facts, graph) ? logits : builder.gate(SelectTokenGate{}, {logits.bundle}, logits.storage);
    give(builder, row.storage.zero_elsewhere ? row : masked(builder, row, layout_masks(row.storage.layout)), true);
}

void give_row_of_map(CircuitBuilder& builder, const FeatureMap& map, Stored source, const NodeFacts& facts,
                     const model::Graph& graph) {
    Circuit& circuit = builder.circuit;
    const Packing& packing = facts.packing;
    Layout layout = spread_layout(packing, map.outputs);
    if (!has_one_row(facts, graph)) {
        Storage rows = source.storage;
        rows.equal_rows = true;
        const Stored selected = builder.gate(SelectTokenGate{}, {source.bundle}, rows);
        circuit.bundles.back().can_bootstrap = circuit.bundles[source.bundle].can_bootstrap;
        source = selected;
    } else if (map.outputs <= packing.features) {
        layout = first_positions(replicated_layout(packing, map.outputs), std::bit_ceil(map.outputs));
    }
    give(builder, builder.map(map, source, {.layout = layout, .factor = 1 / facts.bound}), true);
}

}  // namespace polyformer::compile
