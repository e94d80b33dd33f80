#include "polyformer/compile/lowering/linear_nodes.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "polyformer/compile/circuit/linear_maps.h"
#include "polyformer/compile/gates/feature_gates.h"
#include "polyformer/compile/gates/output_gates.h"

namespace polyformer::compile {

namespace {

using model::NodeId;

/// (x · W) · factor + bias.
void lower_with_factor(State& state, const FeatureMap& full, const TokenFactor& token) {
    const Stored factor = state.forms.natural(token.factor);
    const FeatureMap weights{full.inputs, full.outputs, full.weight, [](std::size_t) { return 0.0; }};
    for (const Constants& wanted : state.forms.wanted(state.node)) {
        const Stored product =
            state.builder.map(weights, state.forms.readable(token.features),
                              state.forms.target(state.node, {wanted.factor / factor.storage.factor, 0}));
        state.builder.circuit.bundles[product.bundle].can_bootstrap = false;
        Storage storage = state.forms.target(state.node, {wanted.factor, 0});
        storage.zero_elsewhere = true;
        const Stored scaled = state.builder.gate(ProductGate{}, {product.bundle, factor.bundle}, storage);
        Stored result = state.builder.shifted(
            scaled, [&](std::size_t feature) { return wanted.factor * full.bias(feature) + wanted.shift; });
        result.storage.shift = wanted.shift;
        state.forms.add(state.node, result);
    }
}

void lower_map(State& state, NodeId input, const FeatureMap& map) {
    if (state.facts().is_output && state.gives_one_row()) {
        give_row_of_map(state.builder, map, state.forms.readable(input), state.facts(), state.graph);
        state.finished = true;
        return;
    }
    for (const Constants& wanted : state.forms.wanted(state.node)) {
        state.forms.add(state.node,
                        state.builder.map(map, state.forms.readable(input), state.forms.target(state.node, wanted)));
    }
}

}  // namespace

void lower(State& state, const model::Input&) {
    const Storage storage{.layout = state.facts().layout, .factor = 1 / state.facts().bound, .zero_elsewhere = true};
    state.builder.circuit.input = state.builder.new_bundle(storage.layout.ciphertexts());
    state.builder.circuit.input_layout = state.facts().layout;
    state.builder.circuit.input_bound = state.facts().bound;
    state.forms.add(state.node, {state.builder.circuit.input, storage});
}

void lower(State& state, const model::Linear& linear) {
    NodeId input = linear.input;
    FeatureMap map = feature_map(linear);
    for (; state.all_facts[input].absorbed; input = model::inputs_of(state.graph.nodes[input].operation).front()) {
        map = scaled_before(std::get<model::ScaleFeatures>(state.graph.nodes[input].operation), std::move(map));
    }
    const std::optional<TokenFactor>& token = state.postponed[input];
    const auto shifts_scores = [](const Use& use) { return use.role == Role::shift; };
    if (state.facts().by_head && std::ranges::any_of(state.facts().uses, shifts_scores)) {
        const std::optional<Stored> factor = token ? std::optional(state.forms.natural(token->factor)) : std::nullopt;
        const Stored source = state.forms.readable(token ? token->features : input);
        return state.forms.add(state.node, mapped_by_head(state.builder, map, source, state.facts().attention,
                                                          state.facts().bound, factor));
    }
    if (token) return lower_with_factor(state, map, *token);
    lower_map(state, input, map);
}

void lower(State& state, const model::FeatureMean& mean) {
    const std::optional<Stored> sums =
        feature_sums(state.builder, state.facts().packing, state.forms.readable(mean.input));
    if (!sums || state.facts().layout != replicated_layout(state.facts().packing, 1)) {
        return lower_map(state, mean.input, mean_map(state.all_facts[mean.input].shape.features));
    }
    for (const Constants& wanted : state.forms.wanted(state.node)) {
        state.forms.add(state.node, means_of_sums(state.builder, state.facts().packing, *sums,
                                                  state.forms.target(state.node, wanted)));
    }
}

void lower(State& state, const model::ScaleFeatures& scale) {
    if (state.facts().absorbed) return;
    if (const std::optional<SameScale> same = same_scale(scale)) {
        for (const Constants& wanted : state.forms.wanted(state.node)) {
            state.forms.add(state.node, state.forms.renamed(state.node, *same, wanted));
        }
        return;
    }
    const Stored source = state.forms.laid_out(scale.input);
    for (const Constants& wanted : state.forms.wanted(state.node)) {
        state.forms.add(state.node, scaled_features(state.builder, scale, source, wanted));
    }
}

void lower(State& state, const model::Centre& centre) {
    state.forms.add(state.node,
                    centred_features(state.builder, state.facts().packing, state.forms.natural(centre.input)));
}

}  // namespace polyformer::compile
