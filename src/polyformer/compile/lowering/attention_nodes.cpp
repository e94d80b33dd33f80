#include "polyformer/compile/lowering/attention_nodes.h"

#include <algorithm>
#include <cmath>

#include "polyformer/compile/circuit/token_maps.h"
#include "polyformer/compile/gates/attention_gates.h"
#include "polyformer/compile/gates/paired_gates.h"
#include "polyformer/compile/lowering/score_weights.h"
#include "polyformer/support/error.h"

namespace polyformer::compile {

namespace {

using model::NodeId;

double largest_value(const model::Matrix& matrix) {
    double largest = 0;
    for (const float value : matrix.values) largest = std::max(largest, std::abs(static_cast<double>(value)));
    return largest;
}

}  // namespace

void lower(State& state, const model::AttentionScores& scores) {
    require(scores.scale != 0, "'{}' scales scores by 0: give the attention a scale, or leave it out",
            state.graph.nodes[state.node].name);
    const AttentionLayout heads =
        with_head_width(state.facts().attention, state.all_facts[scores.query].shape.features / scores.heads);
    const Stored query = state.forms.in_layout(scores.query, heads.query());
    const Stored key = state.forms.in_layout(scores.key, heads.key(model::key_heads_of(scores)));
    // Raw scores stay within [-1, 1] too: what would exceed it is scaled down with the keys.
    const double unscaled = query.storage.factor * key.storage.factor / scores.scale;
    const double bound = state.facts().bound + largest_value(scores.bias);
    const double shrink = std::min(1.0, std::abs(1 / (unscaled * bound)));
    Stored raw = raw_scores(state.builder, heads, query, key, shrink);
    raw.storage.factor = unscaled * shrink;
    state.forms.add_raw_scores(state.node, {raw, &scores.bias});
}

void lower(State& state, const model::ShiftScores& shift) {
    const AttentionLayout& heads = state.facts().attention;
    if (const auto& raw = state.forms.raw_scores(shift.scores)) {
        const Stored by = state.forms.in_layout(shift.shift, heads.by_head_in_lower_lanes());
        return state.forms.add_raw_scores(state.node,
                                          {shifted_scores(state.builder, heads, raw->stored, by), raw->bias});
    }
    const Stored by = state.forms.alone_in_layout(shift.shift, heads.by_head_where_scores_lie());
    state.forms.add(state.node, shifted_parts(state.builder, heads, state.forms.natural(shift.scores), by));
}

void lower(State& state, const model::AttentionSums& sums) {
    const Stored weights = weights_for(state, sums.scores, keys_of(state, state.node));
    const Stored total = summed_weights(state.builder, state.all_facts[sums.scores].attention, weights);
    const Layout& layout = total.storage.layout;
    const AttentionLayout& heads = state.all_facts[sums.scores].attention;
    // Rows beyond windows attend to nothing: a sum of 0 may lie outside of what is done with sums.
    const bool rows_left = heads.window != 0 && state.facts().shape.tokens < state.facts().packing.tokens;
    for (const Constants& wanted : state.forms.wanted(state.node)) {
        const Stored masked = state.builder.affine(
            total, wanted,
            rows_left ? row_masks(state.facts().packing, layout, state.facts().shape.tokens) : layout_masks(layout));
        if (state.facts().loose && wanted.shift == 0) {
            state.builder.circuit.bundles[masked.bundle].can_bootstrap = false;
        }
        state.forms.add(state.node, heads.paired ? in_both_halves(state.builder, heads, masked) : masked);
    }
}

void lower(State& state, const model::AttentionValues& values) {
    const AttentionLayout heads =
        with_head_width(state.all_facts[values.scores].attention, state.facts().shape.features / values.heads);
    const Stored weights = weights_for(state, values.scores, keys_of(state, state.node));
    const Stored value = state.forms.value_of(values.value, heads, model::value_heads_of(values));
    const double unscaled = weights.storage.factor * value.storage.factor;
    const double shrink = std::min(1.0, 1 / (unscaled * state.facts().bound));
    Stored result = attended_values(state.builder, heads, weights, value, shrink);
    result.storage.equal_rows = state.facts().equal_rows;
    // Before the inverse of their sums, values of most tokens are far smaller than the greatest: what a bootstrap
    // adds would be large beside them.
    if (normalised_later(state, state.node)) state.builder.circuit.bundles[result.bundle].can_bootstrap = false;
    state.forms.add(state.node, result);
}

}  // namespace polyformer::compile
