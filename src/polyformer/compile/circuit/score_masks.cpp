#include "polyformer/compile/circuit/score_masks.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace polyformer::compile {

namespace {

/// One position of one head in one row.
struct ScorePlace {
    std::size_t token = 0;
    std::size_t head = 0;  ///< of the attention
    long shift = 0;        ///< of the key: so many tokens before the query
};

/// value(place) at all positions of heads that exist, for every image; 0 elsewhere.
template <class Value>
std::vector<double> at_scores(const AttentionLayout& layout, std::size_t group, std::size_t block, Lanes lanes,
                              Value value) {
    const Packing& packing = layout.packing;
    const std::vector<double> held = lane_mask(layout, group, lanes);
    std::vector<double> slots(packing.slots);
    const auto first_shift = layout.first_shift() + static_cast<long>(2 * layout.lanes * block);
    for (std::size_t t = 0; t < packing.tokens; ++t) {
        for (std::size_t f = 0; f < packing.features; ++f) {
            if (held[f] == 0) continue;
            const double result = value(ScorePlace{t, group * layout.heads_per_group + f / (2 * layout.lanes),
                                                   first_shift + static_cast<long>(f % (2 * layout.lanes))});
            for (std::size_t image = 0; image < packing.images; ++image) {
                slots[t * packing.row() + image * packing.features + f] = result;
            }
        }
    }
    return slots;
}

/// The key within its window that a token meets at this shift.
std::optional<std::size_t> key_of_window(const AttentionLayout& layout, std::size_t token, long shift) {
    const long key = static_cast<long>(token % layout.window) - shift;
    if (key < 0 || key >= static_cast<long>(layout.window)) return std::nullopt;
    return static_cast<std::size_t>(key);
}

float entry(const model::Matrix& matrix, std::size_t row, std::size_t column) {
    return matrix.values[row * matrix.columns + column];
}

}  // namespace

std::vector<double> lane_mask(const AttentionLayout& layout, std::size_t group, Lanes lanes) {
    std::vector<double> mask(layout.packing.features);
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

std::vector<double> attention_mask(const AttentionLayout& layout, std::size_t group, std::size_t block, Lanes lanes,
                                   const model::AttentionValues& values) {
    const std::size_t context = values.mask.rows / values.heads;
    const std::size_t tokens = layout.packing.tokens;
    const double largest = largest_mask(values);
    return at_scores(layout, group, block, lanes, [&](const ScorePlace& place) {
        const std::size_t query = std::min(place.token, context - 1);
        const std::size_t row = place.head * context + query;
        if (layout.window != 0) {
            const auto key = key_of_window(layout, place.token, place.shift);
            return key && place.token < context ? static_cast<double>(entry(values.mask, row, *key)) / largest : 0.0;
        }
        const auto shift = static_cast<std::size_t>(place.shift);
        if (shift >= tokens) return 0.0;
        const std::size_t key = (place.token + tokens - shift) % tokens;
        const bool seen = values.causal ? shift <= place.token && shift < context : key < context;
        if (!seen) return 0.0;
        const std::size_t column = values.causal ? query - std::min(shift, query) : key;
        return static_cast<double>(entry(values.mask, row, column)) / largest;
    });
}

std::vector<double> window_mask(const AttentionLayout& layout, std::size_t group, std::size_t block, Halves halves) {
    const auto moved = halves == Halves::upper_moved_down ? static_cast<long>(layout.lanes) : 0L;
    return at_scores(
        layout, group, block, halves == Halves::all ? Lanes::all : Lanes::lower,
        [&](const ScorePlace& place) { return key_of_window(layout, place.token, place.shift + moved) ? 1.0 : 0.0; });
}

std::vector<double> score_addend(const AttentionLayout& layout, std::size_t group, std::size_t block,
                                 const model::Matrix& bias, double factor, double shift) {
    const std::size_t window = bias.columns;
    const auto tokens = static_cast<long>(layout.packing.tokens);
    return at_scores(layout, group, block, Lanes::all, [&](const ScorePlace& place) {
        std::optional<std::size_t> key;
        if (layout.window != 0) {
            key = key_of_window(layout, place.token, place.shift);
        } else {
            const long cyclic = (static_cast<long>(place.token) - place.shift) % tokens;
            key = static_cast<std::size_t>(cyclic < 0 ? cyclic + tokens : cyclic) % window;
        }
        if (!key) return 0.0;
        return factor * static_cast<double>(entry(bias, place.head * window + place.token % window, *key)) + shift;
    });
}

}  // namespace polyformer::compile
