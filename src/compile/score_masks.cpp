#include "compile/score_masks.h"

#include <algorithm>
#include <cmath>

namespace polyformer::compile {

std::vector<double> lane_mask(const AttentionLayout& layout, std::size_t group) {
    const AttentionLayout all_lanes = [&] {
        AttentionLayout wide = layout;
        wide.head_width = wide.lanes;  // scores fill every lane, however wide the head is
        return wide;
    }();
    const std::vector<std::int32_t> positions = all_lanes.value().position[group];
    std::vector<double> mask(positions.size());
    std::ranges::transform(positions, mask.begin(),
                           [](std::int32_t held) { return held == Layout::kNothing ? 0.0 : 1.0; });
    return mask;
}

double largest_length_scale(const model::AttentionValues& values) {
    double largest = 0;
    for (const float scale : values.length_scale) largest = std::max(largest, std::abs(static_cast<double>(scale)));
    return largest > 0 ? largest : 1;
}

std::vector<double> attention_mask(const Packing& packing, const AttentionLayout& layout, std::size_t group,
                                   std::size_t block, const model::AttentionValues& values) {
    const std::vector<double> lanes = lane_mask(layout, group);
    const std::vector<std::size_t> shifts = layout.key_shift();
    const std::size_t context = values.length_scale.size();
    const double largest = largest_length_scale(values);
    std::vector<double> mask(packing.slots);
    for (std::size_t t = 0; t < packing.tokens; ++t) {
        const double weight = static_cast<double>(values.length_scale[std::min(t, context - 1)]) / largest;
        for (std::size_t f = 0; f < packing.features; ++f) {
            const std::size_t shift = shifts[f] + block * layout.lanes * layout.copies;
            if (lanes[f] == 0 || shift >= packing.tokens) continue;
            const std::size_t key = (t + packing.tokens - shift) % packing.tokens;
            const bool seen = values.causal ? shift <= t && shift < context : key < context;
            if (seen) mask[t * packing.features + f] = weight;
        }
    }
    return mask;
}

}  // namespace polyformer::compile
