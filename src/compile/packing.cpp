#include "compile/packing.h"

#include <algorithm>
#include <bit>

#include "support/error.h"

namespace polyformer::compile {

namespace {

std::size_t divide_up(std::size_t value, std::size_t divisor) {
    return (value + divisor - 1) / divisor;
}

/// Lane and head of the group at a position of an attention layout.
struct Place {
    std::size_t lane = 0;
    std::size_t head = 0;
};

Place place_of(const AttentionLayout& layout, std::size_t position) {
    return {position % (2 * layout.lanes), position / (2 * layout.lanes)};
}

/// `lanes_used` lanes of each head hold the features in order, again and again.
Layout layout_of(const AttentionLayout& attention, std::size_t lanes_used) {
    Layout layout;
    for (std::size_t group = 0; group < attention.groups; ++group) {
        auto& positions = layout.position.emplace_back(attention.features, Layout::kNothing);
        for (std::size_t f = 0; f < attention.features; ++f) {
            const Place place = place_of(attention, f);
            const std::size_t head = group * attention.heads_per_group + place.head;
            const std::size_t feature = place.lane % attention.lanes;
            if (place.head < attention.heads_per_group && head < attention.heads && place.lane < lanes_used &&
                feature < attention.head_width) {
                positions[f] = static_cast<std::int32_t>(head * attention.head_width + feature);
            }
        }
    }
    return layout;
}

/// The number of lanes that takes the fewest ciphertexts of scores, and among those the fewest products. Lanes beyond
/// a head's width are worth having where positions are left over: they hold the scores of more keys.
void divide(AttentionLayout& layout, std::size_t tokens) {
    std::size_t best = 0;
    for (std::size_t lanes = std::bit_ceil(layout.head_width); 2 * lanes <= layout.features; lanes *= 2) {
        const std::size_t per_ciphertext = std::min(layout.features / (2 * lanes), layout.heads);
        const std::size_t groups = divide_up(layout.heads, per_ciphertext);
        const std::size_t blocks = divide_up(tokens, 2 * lanes);
        if (best != 0 && groups * blocks >= best) continue;
        best = groups * blocks;
        layout.lanes = lanes;
        layout.heads_per_group = divide_up(layout.heads, groups);
        layout.groups = groups;
        layout.blocks = blocks;
    }
}

}  // namespace

Layout replicated_layout(const Packing& packing, std::size_t count) {
    Layout layout;
    const std::size_t period = count < packing.features ? std::bit_ceil(count) : packing.features;
    const std::size_t ciphertexts = divide_up(count, packing.features);
    for (std::size_t c = 0; c < ciphertexts; ++c) {
        auto& positions = layout.position.emplace_back(packing.features, Layout::kNothing);
        for (std::size_t f = 0; f < packing.features; ++f) {
            const std::size_t feature = c * packing.features + f % period;
            if (feature < count) positions[f] = static_cast<std::int32_t>(feature);
        }
    }
    return layout;
}

Layout AttentionLayout::query() const {
    return layout_of(*this, 2 * lanes);
}
Layout AttentionLayout::key() const {
    return query();
}
Layout AttentionLayout::value() const {
    return layout_of(*this, lanes);
}

std::vector<std::size_t> AttentionLayout::shift() const {
    std::vector<std::size_t> shifts(features);
    for (std::size_t f = 0; f < features; ++f) shifts[f] = place_of(*this, f).lane;
    return shifts;
}

AttentionLayout attention_layout(const Packing& packing, std::size_t heads, std::size_t head_width) {
    AttentionLayout layout;
    layout.heads = heads;
    layout.head_width = head_width;
    layout.features = packing.features;
    const std::size_t least = 2 * std::bit_ceil(head_width);
    require(least <= packing.features,
            "a head of width {} needs {} positions a token, but {} slots over {} tokens give {}: use narrower heads, a "
            "shorter context or a ring dimension of at least {}",
            head_width, least, packing.slots, packing.tokens, packing.features, 2 * least * packing.tokens);
    divide(layout, packing.tokens);
    return layout;
}

}  // namespace polyformer::compile
