#include "polyformer/compile/layout/score_masks.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace polyformer::compile {

namespace {

/// One position of one head of one image in one row.
struct ScorePlace {
    std::size_t image = 0;
    std::size_t token = 0;
    std::size_t head = 0;  ///< of the attention
    long shift = 0;        ///< of the key: so many tokens before the query
    std::size_t position = 0;
};

/// value(place) at all positions of heads that exist, for every image; 0 elsewhere.
template <class Value>
auto at_scores(const AttentionLayout& layout, std::size_t group, std::size_t block, Lanes lanes, Value value) {
    const Packing& packing = layout.packing;
    const std::vector<double> held = lane_mask(layout, group, lanes);
    std::vector<decltype(value(ScorePlace{}))> slots(packing.slots);
    const auto first_shift = layout.first_shift() + static_cast<long>(2 * layout.lanes * block);
    for (std::size_t t = 0; t < packing.tokens; ++t) {
        for (std::size_t f = 0; f < packing.features; ++f) {
            if (held[f] == 0) continue;
            const std::size_t head = group * layout.heads_per_group + f / (2 * layout.lanes);
            const long shift = first_shift + static_cast<long>(f % (2 * layout.lanes));
            for (std::size_t image = 0; image < packing.images; ++image) {
                slots[t * packing.row() + image * packing.features + f] = value(ScorePlace{image, t, head, shift, f});
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

/// The key that a token meets at this shift where shifts wrap around, if the token that it repeats sees it in a text of
/// `tokens` tokens. Shifts beyond all rows would meet keys again.
std::optional<std::size_t> key_of_text(const ScorePlace& place, std::size_t rows, std::size_t tokens, bool causal) {
    const auto shift = static_cast<std::size_t>(place.shift);
    if (shift >= rows) return std::nullopt;
    const std::size_t key = (place.token + rows - shift) % rows;
    const bool seen = key < tokens && (!causal || key <= place.token % tokens);
    return seen ? std::optional(key) : std::nullopt;
}

bool halves_alike(const std::vector<std::complex<double>>& values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    return std::equal(values.begin(), middle, middle);
}

float entry(const model::Matrix& matrix, std::size_t row, std::size_t column) {
    return matrix.values[row * matrix.columns + column];
}

}  // namespace

Lanes score_lanes(const AttentionLayout& layout) {
    return layout.paired ? Lanes::lower : Lanes::all;
}

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

double largest_weight(const model::Matrix& weights) {
    double largest = 0;
    for (const float weight : weights.values) largest = std::max(largest, std::abs(static_cast<double>(weight)));
    return largest > 0 ? largest : 1;
}

std::vector<std::complex<double>> score_mask(const ScoreMask& mask, const Lengths& lengths) {
    const AttentionLayout& heads = mask.heads;
    const std::size_t rows = heads.packing.tokens;
    const auto weight = [&](const ScorePlace& place) {
        const std::size_t tokens = length_at(lengths, place.image);
        const auto key = heads.window == 0            ? key_of_text(place, rows, tokens, mask.causal)
                         : place.token < mask.context ? key_of_window(heads, place.token, place.shift)
                                                      : std::nullopt;
        if (!key) return 0.0;
        const std::size_t query = place.token % tokens;
        const std::size_t row = place.head * mask.context + query;
        const double own = mask.weights == nullptr ? 1.0 : static_cast<double>(entry(*mask.weights, row, *key));
        if (!mask.averages) return own;
        const std::size_t seen = heads.window != 0 ? heads.window : mask.causal ? query + 1 : tokens;
        return own / static_cast<double>(seen);
    };
    const Lanes lanes = mask.prefix > 0 ? Lanes::all : score_lanes(heads);
    std::vector<std::complex<double>> values =
        at_scores(heads, mask.group, mask.block, lanes, [&](const ScorePlace& place) {
            const bool upper = place.position % (2 * heads.lanes) >= heads.lanes;
            const std::size_t behind = place.position % heads.lanes;
            const double own = !upper || !heads.paired ? weight(place) : behind < mask.prefix ? 1.0 : 0.0;
            const auto value = upper ? std::complex<double>(0, own) : std::complex<double>(own, 0);
            return mask.root ? std::sqrt(value) : value;
        });
    while (values.size() > 1 && halves_alike(values)) values.resize(values.size() / 2);
    return values;
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
    return at_scores(layout, group, block, score_lanes(layout), [&](const ScorePlace& place) {
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
