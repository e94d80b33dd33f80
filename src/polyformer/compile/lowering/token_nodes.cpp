#include "polyformer/compile/lowering/token_nodes.h"

#include <utility>
#include <variant>

#include "polyformer/compile/circuit/token_maps.h"
#include "polyformer/model/graph/graph_shapes.h"

namespace polyformer::compile {

namespace {

/// An operation that is one map with diagonals of full length; `gate_of` makes it.
template <class Operation, class MakeGate>
void lower_by_map(State& state, const Operation& operation, const MakeGate& gate_of) {
    const Stored source = state.forms.laid_out(operation.input);
    for (const Constants& wanted : state.forms.wanted(state.node)) {
        Storage target = state.forms.target(state.node, wanted);
        target.zero_elsewhere = true;
        MapGate gate = gate_of(state.facts().packing, operation, source.storage, target);
        state.forms.add(state.node, state.builder.gate(std::move(gate), {source.bundle}, target));
    }
}

}  // namespace

void lower(State& state, const model::AddConstant& sum) {
    const Stored source = state.forms.natural(sum.input);
    CombineGate gate;
    for (std::size_t c = 0; c < source.storage.layout.ciphertexts(); ++c) {
        gate.outputs.push_back({{.ciphertext = c}});
    }
    gate.addends = constants_by_token(state.facts().packing, source.storage.layout, sum.values, source.storage.factor);
    state.forms.add(state.node, state.builder.gate(std::move(gate), {source.bundle}, source.storage));
}

void lower(State& state, const model::RotateFeatures& turn) {
    lower_by_map(state, turn, turned_features);
}

void lower(State& state, const model::MixTokens& mix) {
    lower_by_map(state, mix, mixed_tokens);
}

/// Nothing happens but that the same slots are read another way.
void lower(State& state, const model::MergeTokens& merge) {
    for (Stored form : state.forms.all(merge.input)) {
        form.storage.layout = merged(form.storage.layout, merge.group);
        state.forms.add(state.node, form);
    }
}

void lower(State& state, const model::TokenMean& mean) {
    const NodeFacts& of = state.all_facts[mean.input];
    Stored source = state.forms.readable(mean.input);
    if (of.equal_rows || of.packing.tokens == 1) return state.forms.add(state.node, source);
    const std::size_t rows = of.packing.tokens;
    auto total = static_cast<double>(rows);
    if (of.shape.tokens < rows || model::takes_shorter_inputs(state.graph)) {
        // Rows beyond the last token hold something too.
        total = static_cast<double>(of.shape.tokens);
        const double factor = source.storage.factor / total;
        const double shift = source.storage.shift / total;
        source = state.builder.affine(source, {factor, shift},
                                      row_masks(of.packing, source.storage.layout, of.shape.tokens));
        std::get<AffineGate>(state.builder.circuit.gates.back().operation).averages = true;
    }
    Storage storage = source.storage;
    storage.factor *= total;
    storage.shift *= total;
    storage.equal_rows = true;
    const SumSlotsGate sum{rows, static_cast<long>(of.packing.row()), false};
    state.forms.add(state.node, state.builder.unbounded_gate(sum, {source.bundle}, storage));
}

void lower(State& state, const model::SelectToken& select) {
    const NodeFacts& of = state.all_facts[select.input];
    const Stored source = state.forms.readable(select.input);
    if (of.equal_rows || of.packing.tokens == 1) return state.forms.add(state.node, source);
    Storage storage = source.storage;
    storage.equal_rows = true;
    state.forms.add(state.node, state.builder.gate(SelectTokenGate{select.token}, {source.bundle}, storage));
    state.builder.circuit.bundles.back().can_bootstrap = state.builder.circuit.bundles[source.bundle].can_bootstrap;
}

}  // namespace polyformer::compile
