#include "polyformer/compile/gates/attention_gates.h"

#include <cmath>
#include <memory>
#include <utility>

#include "polyformer/compile/gates/paired_gates.h"

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

/// Twice the real part of each ciphertext, or of i^quarter_turns times it.
Stored doubled_real_parts(CircuitBuilder& builder, const Stored& source, int quarter_turns) {
    CombineGate gate;
    for (std::size_t c = 0; c < builder.circuit.bundles[source.bundle].ciphertexts; ++c) {
        gate.outputs.push_back({{.ciphertext = c, .quarter_turns = quarter_turns}});
    }
    gate.doubled_real_part = true;
    return builder.unbounded_gate(std::move(gate), {source.bundle}, source.storage);
}

/// The imaginary parts, doubled, of what has these doubled real parts: −i·(2z − 2·Re z).
Stored doubled_imaginary_parts(CircuitBuilder& builder, const Stored& source, const Stored& doubled_real) {
    CombineGate gate;
    for (std::size_t c = 0; c < builder.circuit.bundles[source.bundle].ciphertexts; ++c) {
        gate.outputs.push_back({{.input = 0, .ciphertext = c, .quarter_turns = 3},
                                {.input = 0, .ciphertext = c, .quarter_turns = 3},
                                {.input = 1, .ciphertext = c, .quarter_turns = 1}});
    }
    return builder.unbounded_gate(std::move(gate), {source.bundle, doubled_real.bundle}, source.storage);
}

/// Real and imaginary parts side by side, each masked to the lower lanes: one masked product. Of paired heads the real
/// parts alone, and behind them what comes with half of the factor.
Stored side_by_side(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& raw, double factor,
                    std::vector<std::vector<double>> addends, const std::optional<Stored>& behind) {
    const auto lanes = static_cast<long>(heads.lanes);
    // Upper lanes hold sums over parts of two heads, which the mask removes. Half, for twice the real part is taken.
    const Stored lower = builder.affine(raw, {factor / 2, 0}, score_masks(heads, Lanes::lower));
    builder.circuit.bundles[lower.bundle].can_bootstrap = false;
    CombineGate gate;
    for (std::size_t c = 0; c < heads.groups * heads.blocks; ++c) {
        auto& terms = gate.outputs.emplace_back();
        terms.push_back({.ciphertext = c});
        if (!heads.paired) terms.push_back({.ciphertext = c, .rotation = -lanes, .quarter_turns = 3});
        if (behind) terms.push_back({.input = 1, .ciphertext = c});
    }
    gate.doubled_real_part = true;
    gate.addends = std::move(addends);
    std::vector<BundleId> inputs{lower.bundle};
    if (behind) inputs.push_back(behind->bundle);
    return builder.gate(std::move(gate), std::move(inputs), lower.storage);
}

/// The same where each part has a mask of its own: what lies beyond the window is unlike anything that calibration saw.
Stored masked_side_by_side(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& raw, double factor,
                           std::vector<std::vector<double>> addends) {
    const std::size_t ciphertexts = heads.groups * heads.blocks;
    const auto part = [&](int quarter_turns, Halves halves) {
        const Stored doubled = doubled_real_parts(builder, raw, quarter_turns);
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
        addends = score_masks(heads, score_lanes(heads));
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

std::vector<ScoreMask> attention_masks(const AttentionLayout& heads, std::size_t context, bool causal,
                                       const model::Matrix& weights, std::size_t prefix) {
    ScoreMask mask{.heads = heads, .context = context, .causal = causal, .prefix = prefix};
    if (!weights.values.empty()) {
        model::Matrix relative = weights;
        const double largest = largest_weight(weights);
        for (float& weight : relative.values) weight = static_cast<float>(static_cast<double>(weight) / largest);
        mask.weights = std::make_shared<const model::Matrix>(std::move(relative));
    }
    std::vector<ScoreMask> masks;
    for (mask.group = 0; mask.group < heads.groups; ++mask.group) {
        for (mask.block = 0; mask.block < heads.blocks; ++mask.block) masks.push_back(mask);
    }
    return masks;
}

Stored raw_scores(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& query, const Stored& key,
                  double gain) {
    if (heads.paired) return paired_raw_scores(builder, heads, query, key, gain);
    const Stored skewed = builder.skewed(heads.packing, key, heads.key(), heads.shift(), gain);
    const Stored keys = builder.paired_with_rotation(skewed, -rows(heads, static_cast<long>(heads.lanes)));
    const Storage storage{.layout = {}, .factor = query.storage.factor * skewed.storage.factor};
    return builder.unbounded_gate(products(heads, rows(heads, 1) + 1, heads.first_shift(), heads.blocks),
                                  {query.bundle, keys.bundle}, storage, heads.groups * heads.blocks);
}

Stored shifted_scores(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& raw, const Stored& shift) {
    // The real part is one block of scores, the imaginary part the next, or nothing of use.
    const int half_turn = raw.storage.factor * shift.storage.factor < 0 ? 2 : 0;
    CombineGate both;
    for (std::size_t c = 0; c < heads.groups * heads.blocks; ++c) {
        auto& terms = both.outputs.emplace_back();
        terms.push_back({.ciphertext = c / heads.blocks, .quarter_turns = half_turn});
        if (!heads.paired) terms.push_back({.ciphertext = c / heads.blocks, .quarter_turns = half_turn + 1});
    }
    const Stored shifts =
        builder.unbounded_gate(std::move(both), {shift.bundle}, raw.storage, heads.groups * heads.blocks);
    return builder.unbounded_gate(SumGate{std::abs(raw.storage.factor / shift.storage.factor)},
                                  {shifts.bundle, raw.bundle}, raw.storage);
}

Stored shifted_parts(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& scores, Stored shift) {
    const std::size_t ciphertexts = heads.groups * heads.blocks;
    CombineGate each_block;
    for (std::size_t c = 0; c < ciphertexts; ++c) each_block.outputs.push_back({{.ciphertext = c / heads.blocks}});
    shift = builder.gate(std::move(each_block), {shift.bundle}, shift.storage, ciphertexts);
    if (heads.window != 0) {
        // What is beyond the window stays as it is.
        std::vector<std::vector<double>> masks;
        for (std::size_t c = 0; c < ciphertexts; ++c) {
            masks.push_back(window_mask(heads, c / heads.blocks, c % heads.blocks, Halves::all));
        }
        shift = builder.affine(shift, {shift.storage.factor, 0}, std::move(masks));
    }
    return builder.unbounded_gate(SumGate{scores.storage.factor / shift.storage.factor}, {shift.bundle, scores.bundle},
                                  scores.storage);
}

Stored parted_scores(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& raw,
                     const model::Matrix& bias, const Constants& wanted, const std::optional<Stored>& behind) {
    std::vector<std::vector<double>> addends = score_addends(heads, bias, wanted);
    if (behind && wanted.shift != 0) {
        const std::vector<std::vector<double>> masks = layout_masks(behind->storage.layout);
        for (std::size_t c = 0; c < addends.size(); ++c) {
            for (std::size_t p = 0; p < addends[c].size(); ++p) {
                addends[c][p] += wanted.shift * masks[c][p % masks[c].size()];
            }
        }
    }
    Stored result = heads.window == 0 ? side_by_side(builder, heads, raw, wanted.factor, std::move(addends), behind)
                                      : masked_side_by_side(builder, heads, raw, wanted.factor, std::move(addends));
    result.storage.factor = wanted.factor;
    result.storage.shift = wanted.shift;
    return result;
}

Stored attended_values(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& weights,
                       const Stored& value, double gain) {
    if (heads.paired) return paired_attended_values(builder, heads, weights, value, gain);
    const bool cyclic = heads.window == 0;
    const Stored lower = doubled_real_parts(builder, weights, 0);
    const Stored upper = doubled_imaginary_parts(builder, weights, lower);
    const Stored paired =
        builder.unbounded_gate(cyclic ? cyclic_pairs(heads) : open_pairs(heads), {lower.bundle, upper.bundle},
                               weights.storage, heads.groups * (cyclic ? heads.blocks : open_pair_count(heads)));
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

Stored summed_weights(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& weights) {
    if (heads.paired) return paired_summed_weights(builder, heads, weights);
    CombineGate blocks;
    for (std::size_t group = 0; group < heads.groups; ++group) {
        auto& terms = blocks.outputs.emplace_back();
        for (std::size_t block = 0; block < heads.blocks; ++block) {
            terms.push_back({.ciphertext = group * heads.blocks + block});
        }
    }
    Storage storage = weights.storage;
    storage.layout = heads.by_head();
    storage.zero_elsewhere = false;
    const Stored all = builder.unbounded_gate(std::move(blocks), {weights.bundle}, storage, heads.groups);
    const Stored lower = doubled_real_parts(builder, all, 0);
    const Stored upper = doubled_real_parts(builder, all, 3);
    // Each half beside the other, so that `lanes` positions in a row hold all of a head's from anywhere in the lower
    // half.
    const auto lanes = static_cast<long>(heads.lanes);
    CombineGate both;
    for (std::size_t group = 0; group < heads.groups; ++group) {
        both.outputs.push_back({{.input = 0, .ciphertext = group},
                                {.input = 0, .ciphertext = group, .rotation = -lanes},
                                {.input = 1, .ciphertext = group},
                                {.input = 1, .ciphertext = group, .rotation = lanes}});
    }
    const Stored beside = builder.unbounded_gate(std::move(both), {lower.bundle, upper.bundle}, storage);
    return builder.unbounded_gate(SumSlotsGate{heads.lanes, 1}, {beside.bundle}, storage);
}

}  // namespace polyformer::compile
