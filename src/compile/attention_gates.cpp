#include "compile/attention_gates.h"

namespace polyformer::compile {

namespace {

/// The rotation that reads `count` tokens further on.
long rows(const Packing& packing, std::size_t count) {
    return static_cast<long>(count * packing.features);
}

/// The products of all lanes, whose right operand moves by `right_step` for each.
AttentionGate products(const Packing& packing, const AttentionLayout& heads, long right_step) {
    AttentionGate gate;
    gate.product = {.first = 0, .last = static_cast<long>(heads.lanes), .left_step = 1, .right_step = right_step};
    for (std::size_t block = 0; block < heads.blocks; ++block) {
        gate.right_offsets.push_back(-rows(packing, 2 * heads.lanes * block));
    }
    return gate;
}

/// A − i·B: A of the scores as they lie, B of those a block of `lanes` shifts further on.
Stored paired_scores(CircuitBuilder& builder, const AttentionLayout& heads, const MaskedScores& scores) {
    const auto lanes = static_cast<long>(heads.lanes);
    CombineGate gate;
    for (std::size_t group = 0; group < heads.groups; ++group) {
        for (std::size_t block = 0; block < heads.blocks; ++block) {
            const std::size_t here = group * heads.blocks + block;
            const std::size_t next = group * heads.blocks + (block + 1) % heads.blocks;
            gate.outputs.push_back({{.input = 0, .ciphertext = here},
                                    {.input = 1, .ciphertext = here},
                                    {.input = 1, .ciphertext = here, .rotation = lanes, .quarter_turns = 3},
                                    {.input = 0, .ciphertext = next, .rotation = -lanes, .quarter_turns = 3}});
        }
    }
    return builder.unbounded_gate(std::move(gate), {scores.lower.bundle, scores.upper.bundle}, scores.lower.storage);
}

}  // namespace

std::vector<std::vector<double>> score_masks(const AttentionLayout& heads, Lanes lanes) {
    std::vector<std::vector<double>> masks;
    for (std::size_t group = 0; group < heads.groups; ++group) {
        masks.insert(masks.end(), heads.blocks, lane_mask(heads, group, lanes));
    }
    return masks;
}

std::vector<std::vector<double>> attention_masks(const Packing& packing, const AttentionLayout& heads, Lanes lanes,
                                                 const model::AttentionValues& values) {
    std::vector<std::vector<double>> masks;
    for (std::size_t group = 0; group < heads.groups; ++group) {
        for (std::size_t block = 0; block < heads.blocks; ++block) {
            masks.push_back(attention_mask(packing, heads, group, block, lanes, values));
        }
    }
    return masks;
}

Stored raw_scores(CircuitBuilder& builder, const Packing& packing, const AttentionLayout& heads, const Stored& query,
                  const Stored& key, double gain) {
    const Stored skewed = builder.skewed(key, heads.key(), heads.shift(), gain);
    const Stored keys = builder.paired_with_rotation(skewed, -rows(packing, heads.lanes));
    const Storage storage{.layout = {}, .factor = query.storage.factor * skewed.storage.factor};
    return builder.unbounded_gate(products(packing, heads, rows(packing, 1) + 1), {query.bundle, keys.bundle}, storage,
                                  heads.groups * heads.blocks);
}

Stored parted_scores(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& raw,
                     const Constants& wanted) {
    const auto lanes = static_cast<long>(heads.lanes);
    // Upper lanes hold sums over parts of two heads, which the mask removes. Half, for twice the real part is taken.
    const Stored lower = builder.affine(raw, {wanted.factor / 2, 0}, score_masks(heads, Lanes::lower));
    builder.circuit.bundles[lower.bundle].can_bootstrap = false;
    CombineGate gate;
    for (std::size_t c = 0; c < heads.groups * heads.blocks; ++c) {
        gate.outputs.push_back({{.ciphertext = c}, {.ciphertext = c, .rotation = -lanes, .quarter_turns = 3}});
    }
    gate.doubled_real_part = true;
    if (wanted.shift != 0) {
        gate.addends = score_masks(heads, Lanes::all);
        for (auto& addend : gate.addends) {
            for (double& value : addend) value *= wanted.shift;
        }
    }
    Storage storage = lower.storage;
    storage.factor = wanted.factor;
    storage.shift = wanted.shift;
    return builder.gate(std::move(gate), {lower.bundle}, storage);
}

Stored attended_values(CircuitBuilder& builder, const Packing& packing, const AttentionLayout& heads,
                       const MaskedScores& scores, const Stored& value, double gain) {
    const Stored paired = paired_scores(builder, heads, scores);
    // Half, for twice the real part is taken.
    const Stored skewed = builder.skewed(value, heads.value(), heads.shift(), gain / 2);
    const Stored values = builder.paired_with_rotation(skewed, -rows(packing, heads.lanes));
    AttentionGate gate = products(packing, heads, -rows(packing, 1));
    gate.sums_blocks = true;
    const Storage storage{
        .layout = heads.value(), .factor = paired.storage.factor * value.storage.factor * gain, .zero_elsewhere = true};
    const Stored product =
        builder.unbounded_gate(std::move(gate), {paired.bundle, values.bundle}, storage, heads.groups);
    CombineGate real_part;
    for (std::size_t group = 0; group < heads.groups; ++group) real_part.outputs.push_back({{.ciphertext = group}});
    real_part.doubled_real_part = true;
    return builder.gate(std::move(real_part), {product.bundle}, storage);
}

}  // namespace polyformer::compile
