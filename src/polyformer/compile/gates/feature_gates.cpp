#include "polyformer/compile/gates/feature_gates.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <utility>

namespace polyformer::compile {

namespace {

std::size_t period_of(const Packing& packing, std::size_t features) {
    return std::min(packing.features, std::bit_ceil(features));
}

/// What lies at the same positions in each ciphertext of `layout`, and nothing where that holds nothing.
Stored spread(CircuitBuilder& builder, const Packing& packing, const Stored& source, const Layout& layout) {
    MapGate gate;
    gate.map.period = packing.features;
    gate.map.inputs = 1;
    gate.map.outputs = layout.ciphertexts();
    gate.bias.resize(layout.ciphertexts());
    for (const std::vector<double>& mask : layout_masks(layout)) {
        const auto end = mask.begin() + static_cast<std::ptrdiff_t>(packing.features);
        gate.map.blocks.push_back({ckks::DiagonalBlock{{0, std::vector<double>(mask.begin(), end)}}});
    }
    return builder.gate(std::move(gate), {source.bundle}, source.storage, layout.ciphertexts());
}

/// x − mean, as one map of many diagonals.
FeatureMap centring_map(std::size_t features) {
    return {features, features,
            [features](std::size_t i, std::size_t j) { return (i == j ? 1 : 0) - 1 / static_cast<double>(features); },
            [](std::size_t) { return 0.0; }};
}

}  // namespace

FeatureMap feature_map(const model::Linear& linear) {
    const model::Matrix& weight = linear.weight;
    return {
        weight.rows, weight.columns,
        [&weight](std::size_t i, std::size_t j) { return static_cast<double>(weight.values[i * weight.columns + j]); },
        [&linear](std::size_t j) { return linear.bias.empty() ? 0.0 : static_cast<double>(linear.bias[j]); }};
}

FeatureMap mean_map(std::size_t features) {
    return {features, 1, [features](std::size_t, std::size_t) { return 1 / static_cast<double>(features); },
            [](std::size_t) { return 0.0; }};
}

FeatureMap scaled_before(const model::ScaleFeatures& scale, FeatureMap map) {
    std::vector<double> constants(map.outputs);
    for (std::size_t j = 0; j < map.outputs; ++j) {
        constants[j] = map.bias(j);
        for (std::size_t i = 0; i < scale.bias.size(); ++i) {
            constants[j] += static_cast<double>(scale.bias[i]) * map.weight(i, j);
        }
    }
    return {map.inputs, map.outputs,
            [&scale, weight = std::move(map.weight)](std::size_t i, std::size_t j) {
                return static_cast<double>(scale.factors[i]) * weight(i, j);
            },
            [constants = std::move(constants)](std::size_t j) { return constants[j]; }};
}

std::optional<Stored> feature_sums(CircuitBuilder& builder, const Packing& packing, const Stored& source) {
    const std::size_t features = source.storage.layout.features;
    const bool sums = features > 1 && source.storage.layout == replicated_layout(packing, features) &&
                      source.storage.zero_elsewhere && source.storage.shift == 0;
    if (!sums) return std::nullopt;
    return builder.unbounded_gate(SumSlotsGate{period_of(packing, features), 1, true}, {source.bundle}, source.storage,
                                  std::size_t{1});
}

Stored means_of_sums(CircuitBuilder& builder, const Packing& packing, const Stored& sums, const Storage& target) {
    const std::size_t features = sums.storage.layout.features;
    const std::size_t period = period_of(packing, features);
    const double gain = target.factor / sums.storage.factor;
    Stored means = builder.gate(mean_of_sums(packing, features, period, gain, target.shift), {sums.bundle}, target);
    if (period == packing.features) means = builder.repetition(means, {period, 1});
    return means;
}

Stored scaled_features(CircuitBuilder& builder, const model::ScaleFeatures& scale, const Stored& source,
                       const Constants& wanted) {
    const Layout& layout = source.storage.layout;
    const double gain = wanted.factor / source.storage.factor;
    AffineGate gate;
    for (const auto& positions : layout.position) {
        auto& mask = gate.masks.emplace_back(positions.size());
        auto& addend = gate.addends.emplace_back(positions.size());
        for (std::size_t p = 0; p < positions.size(); ++p) {
            if (positions[p] == Layout::kNothing) continue;
            const std::size_t feature = layout.feature(positions[p]);
            const double bias = scale.bias.empty() ? 0.0 : static_cast<double>(scale.bias[feature]);
            mask[p] = gain * static_cast<double>(scale.factors[feature]);
            addend[p] = wanted.factor * bias + wanted.shift - mask[p] * source.storage.shift;
        }
    }
    Storage storage = source.storage;
    storage.factor = wanted.factor;
    storage.shift = wanted.shift;
    storage.zero_elsewhere = true;
    return builder.gate(std::move(gate), {source.bundle}, storage);
}

Stored centred_features(CircuitBuilder& builder, const Packing& packing, const Stored& source) {
    const Layout& layout = source.storage.layout;
    const std::size_t features = layout.features;
    const std::optional<Stored> sums = feature_sums(builder, packing, source);
    if (!sums) return builder.map(centring_map(features), source, source.storage);
    Storage storage = source.storage;
    storage.layout = replicated_layout(packing, 1);
    const std::size_t period = period_of(packing, features);
    Stored means;
    if (period < packing.features) {
        MapGate gate = mean_of_sums(packing, features, period, 1, 0);
        ckks::DiagonalBlock& block = gate.map.blocks[0][0];
        block = block.changed([&](std::vector<double>& diagonal) {
            for (std::size_t p = 0; p < diagonal.size(); ++p) {
                if (layout.position[0][p] == Layout::kNothing) diagonal[p] = 0;
            }
        });
        means = builder.gate(std::move(gate), {sums->bundle}, storage);
    } else {
        means = means_of_sums(builder, packing, *sums, storage);
        const bool has_gaps = std::ranges::any_of(layout.position, [](const auto& positions) {
            return std::ranges::find(positions, Layout::kNothing) != positions.end();
        });
        if (has_gaps) means = spread(builder, packing, means, layout);
    }
    const std::size_t count = builder.circuit.bundles[means.bundle].ciphertexts;
    CombineGate difference;
    for (std::size_t c = 0; c < layout.ciphertexts(); ++c) {
        difference.outputs.push_back(
            {{.input = 0, .ciphertext = c}, {.input = 1, .ciphertext = c % count, .quarter_turns = 2}});
    }
    return builder.gate(std::move(difference), {source.bundle, means.bundle}, source.storage);
}

Stored mapped_by_head(CircuitBuilder& builder, const FeatureMap& map, const Stored& source,
                      const AttentionLayout& heads, double bound, const std::optional<Stored>& factor) {
    const std::size_t lanes = heads.lanes;
    // Feature i counts in the lanes that are alike in position modulo the number of lanes: all offsets are multiples.
    const Layout& from = source.storage.layout;
    auto lane = std::make_shared<std::vector<std::size_t>>(map.inputs, 0);
    for (std::size_t c = from.ciphertexts(); c-- > 0;) {
        for (std::size_t p = from.row() / from.images; p-- > 0;) {
            if (from.position[c][p] != Layout::kNothing) (*lane)[from.feature(from.position[c][p])] = p % lanes;
        }
    }
    const double shift_of_all = factor ? 0 : 1;
    const FeatureMap partial{map.inputs, heads.heads * lanes,
                             [&map, lane, lanes](std::size_t i, std::size_t j) {
                                 return (*lane)[i] == j % lanes ? map.weight(i, j / lanes) : 0.0;
                             },
                             [&map, lanes, shift_of_all](std::size_t j) {
                                 return j % lanes == 0 ? shift_of_all * map.bias(j / lanes) : 0.0;
                             }};
    const double wanted = 1 / bound;
    const Storage target{.layout = heads.by_lane(),
                         .factor = factor ? wanted / factor->storage.factor : wanted,
                         .equal_rows = source.storage.equal_rows};
    Stored result = builder.map(partial, source, target);
    builder.circuit.bundles[result.bundle].can_bootstrap = false;
    if (factor) result = builder.unbounded_gate(ProductGate{}, {result.bundle, factor->bundle}, result.storage);
    result.storage.layout = heads.by_head_in_lower_lanes();
    result.storage.factor = wanted;
    result.storage.zero_elsewhere = false;
    result = builder.unbounded_gate(SumSlotsGate{lanes, 1}, {result.bundle}, result.storage);
    if (!factor) return result;
    const Stored shifted = builder.shifted(result, [&](std::size_t head) { return wanted * map.bias(head); });
    builder.circuit.bundles[shifted.bundle].can_bootstrap = false;
    return shifted;
}

}  // namespace polyformer::compile
