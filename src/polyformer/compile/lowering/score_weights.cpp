#include "polyformer/compile/lowering/score_weights.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "polyformer/compile/gates/attention_gates.h"
#include "polyformer/compile/gates/paired_gates.h"
#include "polyformer/compile/lowering/polynomial_nodes.h"

namespace polyformer::compile {

using model::NodeId;

namespace {

Storage weights_storage(const State& state, NodeId scores, const WeighedKeys& keys, Storage storage) {
    storage.factor = 1 / (state.all_facts[scores].bound * largest_weight(*keys.weights));
    storage.shift = 0;
    storage.zero_elsewhere = true;
    return storage;
}

/// Masks of a node of scores, its prefix's included.
std::vector<ScoreMask> masks_of(const State& state, NodeId scores, const WeighedKeys& keys) {
    const NodeFacts& facts = state.all_facts[scores];
    std::vector<ScoreMask> masks = attention_masks(facts.attention, facts.shape.tokens, keys.causal, *keys.weights,
                                                   facts.prefix ? facts.prefix->tokens : 0);
    for (ScoreMask& mask : masks) mask.averages = keys.averages;
    return masks;
}

/// Weights under their mask; those of a public prefix, which are imaginary, become a node of their own.
void keep_weights(State& state, NodeId scores, const WeighedKeys& keys, Stored weights) {
    const NodeFacts& facts = state.all_facts[scores];
    if (facts.prefix) {
        const auto [text, prefix] = parted_from_prefix(state.builder, weights);
        weights = text;
        Stored behind = prefix;
        behind.storage.layout = state.all_facts[facts.prefix->weights].layout;
        behind.storage.factor = 1 / facts.bound;
        state.forms.add(facts.prefix->weights, behind);
    }
    state.weights[scores].push_back({keys, weights});
}

}  // namespace

WeighedKeys keys_of(const State& state, NodeId reader) {
    if (const auto* sums = std::get_if<model::AttentionSums>(&state.graph.nodes[reader].operation)) {
        return {sums->causal, &sums->mask, false};
    }
    const auto& values = std::get<model::AttentionValues>(state.graph.nodes[reader].operation);
    return {values.causal, &values.mask, values.averages};
}

std::optional<Stored> find_weights(const State& state, NodeId scores, const WeighedKeys& keys) {
    for (const ScoreWeights& found : state.weights[scores]) {
        if (found.keys.causal == keys.causal && found.keys.averages == keys.averages &&
            found.keys.weights->values == keys.weights->values) {
            return found.stored;
        }
    }
    return std::nullopt;
}

Stored add_weights(State& state, NodeId scores, const WeighedKeys& keys, const Stored& input, PolynomialGate gate) {
    gate.masks = masks_of(state, scores, keys);
    const Stored weights = state.builder.unbounded_gate(std::move(gate), {input.bundle},
                                                        weights_storage(state, scores, keys, input.storage));
    keep_weights(state, scores, keys, weights);
    return state.weights[scores].back().stored;
}

Stored weights_for(State& state, NodeId scores, const WeighedKeys& keys) {
    if (const std::optional<Stored> found = find_weights(state, scores, keys)) return *found;
    return add_weights(state, scores, keys, state.forms.natural(scores), PolynomialGate{{0, 0.5}, {}});
}

void lower_squared_weights(State& state, NodeId half) {
    const auto& apply = std::get<model::Apply>(state.graph.nodes[half].operation);
    const Stored input = state.forms.stored(apply.input, chebyshev_variable(apply.polynomial));
    for (const Use& use : state.facts().uses) {
        const WeighedKeys keys = keys_of(state, use.reader);
        if (find_weights(state, state.node, keys)) continue;
        PolynomialGate gate = polynomial_gate(apply, {std::sqrt(0.5 / state.facts().bound), 0});
        gate.masks = masks_of(state, state.node, keys);
        for (ScoreMask& mask : gate.masks) mask.root = true;
        const Storage storage = weights_storage(state, state.node, keys, input.storage);
        const Stored root = state.builder.unbounded_gate(std::move(gate), {input.bundle}, storage);
        const Stored weights = state.builder.unbounded_gate(ProductGate{}, {root.bundle, root.bundle}, storage);
        keep_weights(state, state.node, keys, weights);
    }
}

}  // namespace polyformer::compile
