#include "compile/score_masks.h"

#include <algorithm>
#include <cmath>

namespace polyformer::compile {

std::vector<double> lane_mask(const AttentionLayout& layout, std::size_t group, Lanes lanes) {
    std::vector<double> mask(layout.features);
    const std::size_t heads = std::min(layout.heads_per_group, layout.heads - group * layout.heads_per_group);
    for (std::size_t head = 0; head < heads; ++head) {
        const auto first = mask.begin() + static_cast<std::ptrdiff_t>(2 * layout.lanes * head);
        const auto half = static_cast<std::ptrdiff_t>(layout.lanes);
        if (lanes != Lanes::upper) std::fill(first, first + half, 1.0);
        if (lanes != Lanes::lower) std::fill(first + half, first + 2 * half, 1.0);
    }
    return mask;
}

double largest_mask(const model::AttentionValues& values) {
    double largest = 0;
    for (const float weight : values.mask.values) largest = std::max(largest, std::abs(static_cast<double>(weight)));
    return largest > 0 ? largest : 1;
}

std::vector<double> attention_mask(const Packing& packing, const AttentionLayout& layout, std::size_t group,
                                   std::size_t block, Lanes lanes, const model::AttentionValues& values) {
    const std::vector<double> held = lane_mask(layout, group, lanes);
    const std::vector<std::size_t> shifts = layout.shift();
    const std::size_t context = values.mask.columns;
    const double largest = largest_mask(values);
    std::vector<double> mask(packing.slots);
    for (std::size_t t = 0; t < packing.tokens; ++t) {
        const std::size_t query = std::min(t, context - 1);
        for (std::size_t f = 0; f < packing.features; ++f) {
            const std::size_t shift = shifts[f] + 2 * layout.lanes * block;
            if (held[f] == 0 || shift >= packing.tokens) continue;
            const std::size_t key = (t + packing.tokens - shift) % packing.tokens;
            const bool seen = values.causal ? shift <= t && shift < context : key < context;
            if (!seen) continue;
            const std::size_t head = group * layout.heads_per_group + f / (2 * layout.lanes);
            const std::size_t column = values.causal ? query - std::min(shift, query) : key;
            const float weight = values.mask.values[(head * context + query) * context + column];
            mask[t * packing.features + f] = static_cast<double>(weight) / largest;
        }
    }
    return mask;
}

}  // namespace polyformer::compile
