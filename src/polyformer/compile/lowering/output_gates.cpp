#include "polyformer/compile/lowering/output_gates.h"

#include <bit>
#include <utility>

namespace polyformer::compile {

namespace {

/// The slot of each logit of each image: where the layout holds it first.
std::vector<std::size_t> slots_in(const Layout& layout, std::size_t vocabulary, std::size_t slots) {
    std::vector<std::size_t> result(layout.images * vocabulary, 0);
    const auto& ciphertexts = layout.position;
    for (std::size_t c = ciphertexts.size(); c-- > 0;) {
        for (std::size_t i = ciphertexts[c].size(); i-- > 0;) {
            const std::int32_t held = ciphertexts[c][i];
            if (held != Layout::kNothing) result[static_cast<std::size_t>(held)] = c * slots + i;
        }
    }
    return result;
}

}  // namespace

bool has_one_row(const NodeFacts& logits, const model::Graph& graph) {
    return logits.equal_rows || (logits.shape.tokens == 1 && graph.context > 1);
}

void give_all_rows(CircuitBuilder& builder, const Stored& logits) {
    Circuit& circuit = builder.circuit;
    circuit.output = logits.bundle;
    circuit.output_bound = 1 / logits.storage.factor;
    circuit.output_layout = logits.storage.layout;
}

void give_row(CircuitBuilder& builder, const Stored& logits, const NodeFacts& facts, const model::Graph& graph) {
    const Stored row =
        has_one_row(facts, graph) ? logits : builder.gate(SelectLastTokenGate{}, {logits.bundle}, logits.storage);
    Circuit& circuit = builder.circuit;
    circuit.output = row.bundle;
    circuit.output_bound = 1 / logits.storage.factor;
    circuit.output_slot = slots_in(logits.storage.layout, graph.vocabulary, facts.packing.slots);
}

void give_row_of_map(CircuitBuilder& builder, const FeatureMap& map, Stored source, const NodeFacts& facts,
                     const model::Graph& graph) {
    Circuit& circuit = builder.circuit;
    const Packing& packing = facts.packing;
    Layout layout = spread_layout(packing, map.outputs);
    if (!has_one_row(facts, graph)) {
        Storage rows = source.storage;
        rows.equal_rows = true;
        const Stored selected = builder.gate(SelectLastTokenGate{}, {source.bundle}, rows);
        circuit.bundles.back().can_bootstrap = circuit.bundles[source.bundle].can_bootstrap;
        source = selected;
    } else if (map.outputs <= packing.features) {
        layout = first_positions(replicated_layout(packing, map.outputs), std::bit_ceil(map.outputs));
    }
    const Storage target{.layout = layout, .factor = 1 / facts.bound};
    circuit.output = builder.map(map, source, target).bundle;
    circuit.output_bound = facts.bound;
    circuit.output_slot = slots_in(layout, graph.vocabulary, packing.slots);
}

}  // namespace polyformer::compile
