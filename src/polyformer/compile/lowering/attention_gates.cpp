#include "polyformer/compile/lowering/attention_gates.h"

namespace polyformer::compile {

namespace {

/// The rotation that reads `count` tokens further on.
long rows(const AttentionLayout& heads, long count) {
    return count * static_cast<long>(heads.packing.row());
}

/// The products of all lanes, whose right operand moves by `right_step` for each and for block j starts
/// `first_shift` + 2·lanes·j tokens back.
AttentionGate products(const AttentionLayout& heads, long right_step, long first_shift, std::size_t blocks) {
    AttentionGate gate;
    gate.product = {.first = 0, .last = static_cast<long>(heads.lanes), .left_step = 1, .right_step = right_step};
    for (std::size_t block = 0; block < blocks; ++block) {
        gate.right_offsets.push_back(-rows(heads, first_shift + static_cast<long>(2 * heads.lanes * block)));
    }
    return gate;
}

/// A − i·B: A of the scores as they lie, B of those a block of `lanes` shifts further on.
CombineGate cyclic_pairs(const AttentionLayout& heads) {
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
    return gate;
}

/// Pairs for each group when shifts do not wrap around: from `lanes` shifts before the first to the last.
std::size_t open_pair_count(const AttentionLayout& heads) {
    const std::size_t blocks_of_lanes = (2 * heads.window - 1 + heads.lanes - 1) / heads.lanes;
    return blocks_of_lanes / 2 + 1;
}

/// A − i·B for shifts that do not wrap around: A begins `lanes` shifts before the scores do, B with them.
CombineGate open_pairs(const AttentionLayout& heads) {
    const auto lanes = static_cast<long>(heads.lanes);
    CombineGate gate;
    for (std::size_t group = 0; group < heads.groups; ++group) {
        for (std::size_t block = 0; block < open_pair_count(heads); ++block) {
            const std::size_t here = group * heads.blocks + block;
            auto& terms = gate.outputs.emplace_back();
            if (block > 0) terms.push_back({.input = 1, .ciphertext = here - 1, .rotation = lanes});
            if (block == heads.blocks) continue;
            terms.push_back({.input = 0, .ciphertext = here, .rotation = -lanes});
            terms.push_back({.input = 0, .ciphertext = here, .quarter_turns = 3});
            terms.push_back({.input = 1, .ciphertext = here, .quarter_turns = 3});
        }
    }
    return gate;
}

/// Real and imaginary parts side by side, each masked to the lower lanes: one masked product.
Stored side_by_side(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& raw, double factor,
                    std::vector<std::vector<double>> addends) {
    const auto lanes = static_cast<long>(heads.lanes);
    // Upper lanes hold sums over parts of two heads, which the mask removes. Half, for twice the real part is taken.
    const Stored lower = builder.affine(raw, {factor / 2, 0}, score_masks(heads, Lanes::lower));
    builder.circuit.bundles[lower.bundle].can_bootstrap = false;
    CombineGate gate;
    for (std::size_t c = 0; c < heads.groups * heads.blocks; ++c) {
        gate.outputs.push_back({{.ciphertext = c}, {.ciphertext = c, .rotation = -lanes, .quarter_turns = 3}});
    }
    gate.doubled_real_part = true;
    gate.addends = std::move(addends);
    return builder.gate(std::move(gate), {lower.bundle}, lower.storage);
}

/// The same where each part has a mask of its own: what lies beyond the window is unlike anything that calibration saw.
Stored masked_side_by_side(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& raw, double factor,
                           std::vector<std::vector<double>> addends) {
    const std::size_t ciphertexts = heads.groups * heads.blocks;
    const auto part = [&](int quarter_turns, Halves halves) {
        CombineGate gate;
        for (std::size_t c = 0; c < ciphertexts; ++c) {
            gate.outputs.push_back({{.ciphertext = c, .quarter_turns = quarter_turns}});
        }
        gate.doubled_real_part = true;
        const Stored doubled = builder.unbounded_gate(std::move(gate), {raw.bundle}, raw.storage);
        std::vector<std::vector<double>> masks;
        for (std::size_t c = 0; c < ciphertexts; ++c) {
            masks.push_back(window_mask(heads, c / heads.blocks, c % heads.blocks, halves));
        }
        const Stored masked = builder.affine(doubled, {factor / 2, 0}, std::move(masks));
        builder.circuit.bundles[masked.bundle].can_bootstrap = false;
        return masked;
    };
    const Stored lower = part(0, Halves::lower);
    const Stored upper = part(3, Halves::upper_moved_down);
    CombineGate gate;
    for (std::size_t c = 0; c < ciphertexts; ++c) {
        gate.outputs.push_back({{.input = 0, .ciphertext = c},
                                {.input = 1, .ciphertext = c, .rotation = -static_cast<long>(heads.lanes)}});
    }
    gate.addends = std::move(addends);
    return builder.gate(std::move(gate), {lower.bundle, upper.bundle}, lower.storage);
}

/// What is added to scores times `wanted.factor`, by ciphertext; or nothing.
std::vector<std::vector<double>> score_addends(const AttentionLayout& heads, const model::Matrix& bias,
                                               const Constants& wanted) {
    std::vector<std::vector<double>> addends;
    if (wanted.shift == 0 && bias.values.empty()) return addends;
    if (bias.values.empty() && heads.window == 0) {
        addends = score_masks(heads, Lanes::all);
    } else {
        for (std::size_t c = 0; c < heads.groups * heads.blocks; ++c) {
            const std::size_t group = c / heads.blocks;
            const std::size_t block = c % heads.blocks;
            addends.push_back(bias.values.empty()
                                  ? window_mask(heads, group, block, Halves::all)
                                  : score_addend(heads, group, block, bias, wanted.factor, wanted.shift));
        }
        if (!bias.values.empty()) return addends;
    }
    for (auto& addend : addends) {
        for (double& value : addend) value *= wanted.shift;
    }
    return addends;
}

}  // namespace

std::vector<std::vector<double>> score_masks(const AttentionLayout& heads, Lanes lanes) {
    std::vector<std::vector<double>> masks;
    for (std::size_t group = 0; group < heads.groups; ++group) {
        masks.insert(masks.end(), heads.blocks, lane_mask(heads, group, lanes));
    }
    return masks;
}

std::vector<std::vector<double>> attention_masks(const AttentionLayout& heads, Lanes lanes,
                                                 const model::AttentionValues& values) {
    std::vector<std::vector<double>> masks;
    for (std::size_t group = 0; group < heads.groups; ++group) {
        for (std::size_t block = 0; block < heads.blocks; ++block) {
            masks.push_back(attention_mask(heads, group, block, lanes, values));
        }
    }
    return masks;
}

Stored raw_scores(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& query, const Stored& key,
                  double gain) {
    const Stored skewed = builder.skewed(heads.packing, key, heads.key(), heads.shift(), gain);
    const Stored keys = builder.paired_with_rotation(skewed, -rows(heads, static_cast<long>(heads.lanes)));
    const Storage storage{.layout = {}, .factor = query.storage.factor * skewed.storage.factor};
    return builder.unbounded_gate(products(heads, rows(heads, 1) + 1, heads.first_shift(), heads.blocks),
                                  {query.bundle, keys.bundle}, storage, heads.groups * heads.blocks);
}

Stored parted_scores(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& raw,
                     const model::Matrix& bias, const Constants& wanted) {
    std::vector<std::vector<double>> addends = score_addends(heads, bias, wanted);
    Stored result = heads.window == 0 ? side_by_side(builder, heads, raw, wanted.factor, std::move(addends))
                                      : masked_side_by_side(builder, heads, raw, wanted.factor, std::move(addends));
    result.storage.factor = wanted.factor;
    result.storage.shift = wanted.shift;
    return result;
}

Stored attended_values(CircuitBuilder& builder, const AttentionLayout& heads, const MaskedScores& scores,
                       const Stored& value, double gain) {
    const bool cyclic = heads.window == 0;
    const Stored paired = builder.unbounded_gate(cyclic ? cyclic_pairs(heads) : open_pairs(heads),
                                                 {scores.lower.bundle, scores.upper.bundle}, scores.lower.storage,
                                                 heads.groups * (cyclic ? heads.blocks : open_pair_count(heads)));
    // Half, for twice the real part is taken.
    const Stored skewed = builder.skewed(heads.packing, value, heads.value(), heads.shift(), gain / 2);
    const auto lanes = static_cast<long>(heads.lanes);
    const Stored values = builder.paired_with_rotation(skewed, -rows(heads, lanes));
    AttentionGate gate = cyclic ? products(heads, -rows(heads, 1), 0, heads.blocks)
                                : products(heads, -rows(heads, 1), heads.first_shift() - lanes, open_pair_count(heads));
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
