#include "polyformer/compile/layout/attention_layout.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <optional>

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

/// feature(lane) is the feature of its block that each position of a head holds, or beyond its width: nothing.
template <class Feature>
Layout layout_of(const AttentionLayout& attention, std::size_t blocks, std::size_t width, Feature feature) {
    const Packing& packing = attention.packing;
    Layout layout{blocks * width, packing.images, {}};
    for (std::size_t group = 0; group < attention.groups; ++group) {
        std::vector<std::int32_t> positions(packing.features, Layout::kNothing);
        for (std::size_t f = 0; f < packing.features; ++f) {
            const Place place = place_of(attention, f);
            const std::size_t head = group * attention.heads_per_group + place.head;
            if (place.head >= attention.heads_per_group || head >= attention.heads) continue;
            const std::size_t held = feature(place.lane);
            if (held >= width) continue;
            positions[f] = static_cast<std::int32_t>(head / (attention.heads / blocks) * width + held);
        }
        layout.position.push_back(for_all_images(positions, layout.features, packing.images));
    }
    return layout;
}

constexpr std::size_t kNoFeature = std::numeric_limits<std::size_t>::max();

/// Both halves of the features, in the lower and in the upper lanes.
Layout paired_layout(const AttentionLayout& attention, std::size_t blocks) {
    const std::size_t half = divide_up(attention.head_width, 2);
    return layout_of(attention, blocks, attention.head_width, [&](std::size_t lane) {
        const std::size_t place = lane % attention.lanes;
        return place >= half ? kNoFeature : lane < attention.lanes ? place : half + place;
    });
}

/// All features in the lower lanes, and again in the upper ones if so wanted.
Layout repeated_layout(const AttentionLayout& attention, std::size_t blocks, bool upper) {
    return layout_of(attention, blocks, attention.head_width, [&](std::size_t lane) {
        return lane < attention.lanes || upper ? lane % attention.lanes : kNoFeature;
    });
}

Layout one_number_a_head(const AttentionLayout& attention, bool upper) {
    return layout_of(attention, attention.heads, 1,
                     [&](std::size_t lane) { return lane < attention.lanes || upper ? std::size_t{0} : kNoFeature; });
}

/// Heads of 2·lanes positions each, in as few groups as there is room for; `shifts` key shifts.
void divide(AttentionLayout& layout, std::size_t lanes, std::size_t shifts) {
    const std::size_t per_ciphertext = std::min(layout.packing.features / (2 * lanes), layout.heads);
    layout.lanes = lanes;
    layout.groups = divide_up(layout.heads, per_ciphertext);
    layout.heads_per_group = divide_up(layout.heads, layout.groups);
    layout.blocks = divide_up(shifts, 2 * lanes);
}

/// The number of lanes that takes the fewest ciphertexts of scores, and among those the fewest products. Lanes beyond
/// a head's width are worth having where positions are left over: they hold the scores of more keys.
AttentionLayout with_most_useful_lanes(const AttentionLayout& shape) {
    const std::size_t features = shape.packing.features;
    const std::size_t shifts = shape.window == 0 ? shape.packing.tokens : 2 * shape.window - 1;
    AttentionLayout best = shape;
    for (std::size_t lanes = std::bit_ceil(shape.head_width); 2 * lanes <= features; lanes *= 2) {
        AttentionLayout layout = shape;
        divide(layout, lanes, shifts);
        if (best.lanes == 0 || layout.groups * layout.blocks < best.groups * best.blocks) best = layout;
    }
    return best;
}

/// Paired heads, if the tokens are few enough.
std::optional<AttentionLayout> with_paired_heads(AttentionLayout layout) {
    const std::size_t lanes = std::bit_ceil(divide_up(layout.head_width, 2));
    const Packing& packing = layout.packing;
    if (layout.window != 0 || layout.head_width < 2 || packing.tokens > lanes || 2 * lanes > packing.features) {
        return std::nullopt;
    }
    divide(layout, lanes, packing.tokens);
    layout.paired = true;
    return layout;
}

}  // namespace

Layout AttentionLayout::query() const {
    return key(heads);
}
Layout AttentionLayout::key(std::size_t key_heads) const {
    return paired ? paired_layout(*this, key_heads) : repeated_layout(*this, key_heads, true);
}
Layout AttentionLayout::value(std::size_t value_heads) const {
    return paired ? paired_layout(*this, value_heads) : repeated_layout(*this, value_heads, false);
}

Layout AttentionLayout::by_head() const {
    return one_number_a_head(*this, paired);
}
Layout AttentionLayout::by_head_in_lower_lanes() const {
    return one_number_a_head(*this, false);
}
Layout AttentionLayout::by_head_in_all_lanes() const {
    return one_number_a_head(*this, true);
}
Layout AttentionLayout::by_head_where_scores_lie() const {
    return one_number_a_head(*this, !paired);
}
Layout AttentionLayout::behind_scores(std::size_t count) const {
    return layout_of(*this, heads, count, [&](std::size_t lane) { return lane < lanes ? kNoFeature : lane - lanes; });
}
Layout AttentionLayout::by_lane() const {
    AttentionLayout full = *this;
    full.head_width = lanes;
    return repeated_layout(full, heads, true);
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
    if (const auto pairs = with_paired_heads(layout)) return *pairs;
    const std::size_t least = 2 * std::bit_ceil(head_width);
    require(least <= packing.features,
            "a head of width {} needs {} positions a token, but {} slots over {} tokens{} give {}: {}", head_width,
            least, packing.slots, packing.tokens,
            packing.images > 1 ? fmt::format(" of {} images", packing.images) : "", packing.features,
            fewer_or_larger(packing.images > 1 ? "take fewer images or a model of narrower heads"
                                               : "take a model of narrower heads or a shorter context",
                            2 * least * packing.tokens * packing.images));
    return with_most_useful_lanes(layout);
}

}  // namespace polyformer::compile
