#include "polyformer/compile/lowering/product_nodes.h"

#include <algorithm>
#include <cmath>

#include "polyformer/compile/analysis/weight_bounds.h"
#include "polyformer/compile/circuit/linear_maps.h"
#include "polyformer/compile/gates/attention_gates.h"
#include "polyformer/compile/lowering/score_weights.h"

namespace polyformer::compile {

namespace {

using model::NodeId;

/// A factor of what lies in this layout, each of its features for several of those.
Stored factor_of(State& state, NodeId id, const Layout& layout) {
    if (state.all_facts[id].shape.scores || state.all_facts[id].shape.features == layout.features)
        return state.forms.natural(id);
    const Layout wanted = shared_by_features(layout, layout.features / state.all_facts[id].shape.features);
    return covers(state.all_facts[id].layout, wanted) ? state.forms.natural(id) : state.forms.in_layout(id, wanted);
}

/// What is added to values in this layout, with any factor: each of its features to several of those, 0 elsewhere.
Stored addend_of(State& state, NodeId id, const Layout& layout) {
    if (state.all_facts[id].shape.scores) return state.forms.natural(id);
    const Layout wanted = shared_by_features(layout, layout.features / state.all_facts[id].shape.features);
    return state.forms.alone_in_layout(id, wanted);
}

/// left + right, whose constants result.
Stored sum_of(State& state, const Stored& left, const Stored& right) {
    Storage storage = right.storage;
    storage.zero_elsewhere = left.storage.zero_elsewhere && right.storage.zero_elsewhere && storage.shift == 0;
    return state.builder.gate(SumGate{right.storage.factor / left.storage.factor}, {left.bundle, right.bundle},
                              storage);
}

/// Of terms stored as the sum's readers want it, one of them at least.
void add_terms(State& state, NodeId term, NodeId other) {
    for (const Constants& wanted : state.forms.wanted(state.node)) {
        const Stored right = state.forms.stored(term, wanted);
        const Stored left = state.forms.is_term(other, state.node) ? state.forms.stored(other, {wanted.factor, 0})
                                                                   : addend_of(state, other, right.storage.layout);
        state.forms.add(state.node, sum_of(state, left, right));
    }
}

/// What attention gives may be stored smaller than over its bound, and so is a sum of it: bringing it there would take
/// a level.
void add_to_values(State& state, NodeId values, NodeId other) {
    const Stored right = state.forms.laid_out(values);
    const Stored left = addend_of(state, other, right.storage.layout);
    state.forms.add(state.node, sum_of(state, left, right));
    state.builder.circuit.bundles.back().can_bootstrap = false;
}

}  // namespace

void lower(State& state, const model::Add& add) {
    const auto is_values = [&](NodeId id) {
        return std::holds_alternative<model::AttentionValues>(state.graph.nodes[id].operation);
    };
    if (state.forms.is_term(add.left, state.node)) return add_terms(state, add.left, add.right);
    if (state.forms.is_term(add.right, state.node)) return add_terms(state, add.right, add.left);
    if (normalised_later(state, state.node)) {
        if (is_values(add.left)) return add_to_values(state, add.left, add.right);
        if (is_values(add.right)) return add_to_values(state, add.right, add.left);
    }
    const std::size_t left_features = state.all_facts[add.left].shape.features;
    const std::size_t right_features = state.all_facts[add.right].shape.features;
    if (left_features != right_features) {
        const Stored wide = state.forms.natural(left_features > right_features ? add.left : add.right);
        const Stored narrow =
            addend_of(state, left_features > right_features ? add.right : add.left, wide.storage.layout);
        return state.produce_natural(sum_of(state, narrow, wide));
    }
    const bool scales_right = state.all_facts[add.right].bound < state.facts().bound;
    const Stored scaled = state.forms.natural(scales_right ? add.right : add.left);
    const Stored other = state.forms.natural(scales_right ? add.left : add.right);
    Storage storage = other.storage;
    storage.zero_elsewhere = scaled.storage.zero_elsewhere && other.storage.zero_elsewhere;
    state.produce_natural(state.builder.gate(SumGate{other.storage.factor / scaled.storage.factor},
                                             {scaled.bundle, other.bundle}, storage));
}

void lower(State& state, const model::Multiply& product) {
    const auto reads_postponed = [&](const Use& use) {
        return std::holds_alternative<model::Linear>(state.graph.nodes[use.reader].operation);
    };
    if (state.postponed[state.node] && std::ranges::all_of(state.facts().uses, reads_postponed)) return;
    if (state.facts().behind_scores) return;  // made with the text's
    if (is_squared_for_attention(state.graph, state.all_facts, product.left))
        return lower_squared_weights(state, product.left);
    const bool left_is_wider =
        state.all_facts[product.left].shape.features >= state.all_facts[product.right].shape.features;
    const NodeId wide_id = left_is_wider ? product.left : product.right;
    const NodeId other_id = left_is_wider ? product.right : product.left;
    // What attention gives may be stored smaller than over its bound: bringing it there would take a level.
    const bool any_factor = state.suited[other_id];
    Stored wide = any_factor ? state.forms.laid_out(wide_id) : state.forms.natural(wide_id);
    if (wide.storage.shift != 0) wide = state.forms.natural(wide_id);
    const Stored other = factor_of(state, other_id, wide.storage.layout);
    Storage storage = wide.storage;
    storage.factor = wide.storage.factor * other.storage.factor;
    storage.zero_elsewhere = wide.storage.zero_elsewhere || other.storage.zero_elsewhere;
    Stored result = state.builder.gate(ProductGate{}, {wide.bundle, other.bundle}, storage);
    const double wanted = 1 / state.facts().bound;
    if (any_factor && storage.factor < wanted) return state.forms.add(state.node, result);
    if (std::abs(storage.factor - wanted) > 1e-12 * wanted) {
        result = state.builder.affine(result, {wanted, 0},
                                      state.facts().shape.scores
                                          ? score_masks(state.facts().attention, score_lanes(state.facts().attention))
                                          : layout_masks(state.facts().layout));
    }
    state.produce_natural(result);
    if (state.suited[state.node]) state.builder.circuit.bundles.back().can_bootstrap = false;
}

}  // namespace polyformer::compile
