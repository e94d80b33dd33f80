#include "polyformer/compile/layout/attention_layout.h"

#include <algorithm>
#include <bit>

#include "polyformer/support/error.h"

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

/// `lanes_used` lanes of each head hold the features of its block in order, again and again.
Layout layout_of(const AttentionLayout& attention, std::size_t blocks, std::size_t lanes_used) {
    const Packing& packing = attention.packing;
    Layout layout{blocks * attention.head_width, packing.images, {}};
    for (std::size_t group = 0; group < attention.groups; ++group) {
        std::vector<std::int32_t> positions(packing.features, Layout::kNothing);
        for (std::size_t f = 0; f < packing.features; ++f) {
            const Place place = place_of(attention, f);
            const std::size_t head = group * attention.heads_per_group + place.head;
            const std::size_t feature = place.lane % attention.lanes;
            if (place.head < attention.heads_per_group && head < attention.heads && place.lane < lanes_used &&
                feature < attention.head_width) {
                positions[f] =
                    static_cast<std::int32_t>(head / (attention.heads / blocks) * attention.head_width + feature);
            }
        }
        layout.position.push_back(for_all_images(positions, layout.features, packing.images));
    }
    return layout;
}

/// The number of lanes that takes the fewest ciphertexts of scores, and among those the fewest products. Lanes beyond
/// a head's width are worth having where positions are left over: they hold the scores of more keys.
void divide(AttentionLayout& layout) {
    const std::size_t features = layout.packing.features;
    const std::size_t shifts = layout.window == 0 ? layout.packing.tokens : 2 * layout.window - 1;
    std::size_t best = 0;
    for (std::size_t lanes = std::bit_ceil(layout.head_width); 2 * lanes <= features; lanes *= 2) {
        const std::size_t per_ciphertext = std::min(features / (2 * lanes), layout.heads);
        const std::size_t groups = divide_up(layout.heads, per_ciphertext);
        const std::size_t blocks = divide_up(shifts, 2 * lanes);
        if (best != 0 && groups * blocks >= best) continue;
        best = groups * blocks;
        layout.lanes = lanes;
        layout.heads_per_group = divide_up(layout.heads, groups);
        layout.groups = groups;
        layout.blocks = blocks;
    }
}

}  // namespace

Layout AttentionLayout::query() const {
    return layout_of(*this, heads, 2 * lanes);
}
Layout AttentionLayout::key(std::size_t key_heads) const {
    return layout_of(*this, key_heads, 2 * lanes);
}
Layout AttentionLayout::value(std::size_t value_heads) const {
    return layout_of(*this, value_heads, lanes);
}

Layout AttentionLayout::by_head() const {
    AttentionLayout full = *this;
    full.head_width = lanes;
    return shared_by_features(full.value(), lanes);
}
Layout AttentionLayout::by_head_in_all_lanes() const {
    AttentionLayout full = *this;
    full.head_width = lanes;
    return shared_by_features(full.key(), lanes);
}

std::vector<std::size_t> AttentionLayout::shift() const {
    std::vector<std::size_t> shifts(packing.features);
    for (std::size_t f = 0; f < shifts.size(); ++f) shifts[f] = place_of(*this, f).lane;
    return shifts;
}

AttentionLayout attention_layout(const Packing& packing, std::size_t heads, std::size_t head_width,
                                 std::size_t window) {
    AttentionLayout layout;
    layout.heads = heads;
    layout.head_width = head_width;
    layout.window = window;
    layout.packing = packing;
    const std::size_t least = 2 * std::bit_ceil(head_width);
    require(least <= packing.features,
            "a head of width {} needs {} positions a token, but {} slots over {} tokens{} give {}: {}", head_width,
            least, packing.slots, packing.tokens,
            packing.images > 1 ? fmt::format(" of {} images", packing.images) : "", packing.features,
            fewer_or_larger(packing.images > 1 ? "take fewer images or a model of narrower heads"
                                               : "take a model of narrower heads or a shorter context",
                            2 * least * packing.tokens * packing.images));
    divide(layout);
    return layout;
}

}  // namespace polyformer::compile
