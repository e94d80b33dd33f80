#include "polyformer/compile/gates/paired_gates.h"

#include <utility>

#include "polyformer/compile/layout/score_masks.h"

namespace polyformer::compile {

namespace {

/// The rotation that reads `count` tokens further on.
long rows(const AttentionLayout& heads, std::size_t count) {
    return static_cast<long>(count * heads.packing.row());
}

/// x + i^turns · rot_rotation(x) of each ciphertext, or twice its real part.
Stored sum_with_rotation(CircuitBuilder& builder, const Stored& source, long rotation, int turns,
                         bool doubled_real_part = false) {
    CombineGate gate;
    for (std::size_t c = 0; c < builder.circuit.bundles[source.bundle].ciphertexts; ++c) {
        gate.outputs.push_back({{.ciphertext = c}, {.ciphertext = c, .rotation = rotation, .quarter_turns = turns}});
    }
    gate.doubled_real_part = doubled_real_part;
    return builder.unbounded_gate(std::move(gate), {source.bundle}, source.storage);
}

/// Both halves of the features as complex numbers in the lower lanes, or the conjugate ones; garbage in the upper ones.
Stored paired(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& source, bool conjugate) {
    return sum_with_rotation(builder, source, static_cast<long>(heads.lanes), conjugate ? 3 : 1);
}

Stored skewed_pairs(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& pairs, double gain) {
    const Layout lower = heads.by_head_in_lower_lanes();
    Stored skewed = builder.skewed(heads.packing, pairs, lower, heads.shift(), gain);
    builder.circuit.bundles[skewed.bundle].can_bootstrap = false;
    return skewed;
}

std::vector<std::vector<double>> lower_lane_masks(const AttentionLayout& heads) {
    std::vector<std::vector<double>> masks;
    for (std::size_t group = 0; group < heads.groups; ++group) masks.push_back(lane_mask(heads, group, Lanes::lower));
    return masks;
}

/// Weights of all tokens in a row, again and again over all lanes of each head.
Stored repeated_weights(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& weights) {
    const std::size_t tokens = heads.packing.tokens;
    return builder.unbounded_gate(SumSlotsGate{2 * heads.lanes / tokens, -static_cast<long>(tokens)}, {weights.bundle},
                                  weights.storage);
}

}  // namespace

std::pair<Stored, Stored> parted_from_prefix(CircuitBuilder& builder, const Stored& weights) {
    const auto doubled_part = [&](int quarter_turns) {
        CombineGate gate;
        for (std::size_t c = 0; c < builder.circuit.bundles[weights.bundle].ciphertexts; ++c) {
            gate.outputs.push_back({{.ciphertext = c, .quarter_turns = quarter_turns}});
        }
        gate.doubled_real_part = true;
        return builder.unbounded_gate(std::move(gate), {weights.bundle}, weights.storage);
    };
    Stored text = doubled_part(0);
    text.storage.factor *= 2;  // what reads weights expects half of what they say
    return {text, doubled_part(3)};
}

Stored in_both_halves(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& lower) {
    Stored both = sum_with_rotation(builder, lower, -static_cast<long>(heads.lanes), 0);
    both.storage.layout = heads.by_head();
    builder.circuit.bundles[both.bundle].can_bootstrap = builder.circuit.bundles[lower.bundle].can_bootstrap;
    return both;
}

Stored paired_raw_scores(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& query, const Stored& key,
                         double gain) {
    const auto lanes = static_cast<long>(heads.lanes);
    const Stored query_pairs = paired(builder, heads, query, false);
    const Stored lower = builder.affine(query_pairs, {query.storage.factor, 0}, lower_lane_masks(heads));
    builder.circuit.bundles[lower.bundle].can_bootstrap = false;
    const Stored queries = sum_with_rotation(builder, lower, -lanes, 0);
    const Stored skewed = skewed_pairs(builder, heads, paired(builder, heads, key, true), gain);
    // Skewed on into the upper lanes: a lane further on is a token further back.
    const Stored keys = sum_with_rotation(builder, skewed, -lanes - rows(heads, heads.lanes), 0);
    AttentionGate products;
    products.product = {.first = 0, .last = lanes, .left_step = 1, .right_step = rows(heads, 1) + 1};
    products.right_offsets = {0};
    const Storage storage{.layout = {}, .factor = query.storage.factor * key.storage.factor * gain};
    return builder.unbounded_gate(std::move(products), {queries.bundle, keys.bundle}, storage, heads.groups);
}

Stored paired_attended_values(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& weights,
                              const Stored& value, double gain) {
    const Stored repeated = repeated_weights(builder, heads, weights);
    // Weights are half as large as they say, and twice the real part is taken.
    const Stored values = skewed_pairs(builder, heads, paired(builder, heads, value, false), gain);
    AttentionGate products;
    products.product = {
        .first = 0, .last = static_cast<long>(heads.packing.tokens), .left_step = 1, .right_step = -rows(heads, 1)};
    products.right_offsets = {0};
    products.sums_blocks = true;
    const Storage storage{.layout = heads.value(),
                          .factor = weights.storage.factor * value.storage.factor * gain,
                          .zero_elsewhere = true};
    const Stored product =
        builder.unbounded_gate(std::move(products), {repeated.bundle, values.bundle}, storage, heads.groups);
    Stored result = sum_with_rotation(builder, product, -static_cast<long>(heads.lanes), 3, true);
    builder.circuit.bundles[result.bundle].can_bootstrap = true;
    return result;
}

Stored paired_summed_weights(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& weights) {
    const Stored repeated = repeated_weights(builder, heads, weights);
    Storage storage = weights.storage;
    storage.layout = heads.by_head_in_lower_lanes();
    storage.factor /= 2;  // weights are half as large as they say
    storage.zero_elsewhere = false;
    return builder.unbounded_gate(SumSlotsGate{heads.packing.tokens, 1}, {repeated.bundle}, storage);
}

}  // namespace polyformer::compile
