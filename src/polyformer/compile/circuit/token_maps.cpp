#include "polyformer/compile/circuit/token_maps.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <tuple>

#include "polyformer/support/system/parallel.h"

namespace polyformer::compile {

namespace {

/// The rows that one tap moves by, and the tokens that it moves by them.
using TapTokens = std::map<std::size_t, std::vector<std::size_t>>;

/// By tap, for all rows of the frame.
std::vector<TapTokens> distances(const Packing& packing, const model::MixTokens& mix) {
    std::vector<TapTokens> taps(mix.sources.size());
    for (std::size_t tap = 0; tap < taps.size(); ++tap) {
        const std::vector<std::int32_t>& sources = mix.sources[tap];
        for (std::size_t t = 0; t < packing.tokens; ++t) {
            const std::int32_t source = sources[t % sources.size()];
            if (source == model::MixTokens::kNothing) continue;
            // A copy reads copies where there are any: its diagonals are then those of the first tokens.
            const std::size_t copy = t - t % sources.size() + static_cast<std::size_t>(source);
            const std::size_t from = copy < packing.tokens ? copy : static_cast<std::size_t>(source);
            // Back by some rows is forth by the tokens less those, cyclically.
            const std::size_t rows = (from + packing.tokens - t) % packing.tokens;
            taps[tap][rows].push_back(t);
        }
    }
    return taps;
}

bool halves_alike(const std::vector<double>& values, std::size_t length) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(length / 2);
    return std::equal(values.begin(), middle, middle);
}

/// By offset.
using Vectors = std::map<long, std::vector<double>>;

/// All diagonals and biases cut to the shortest period, down to `least`, that all of them have.
void shorten(MapGate& gate, std::vector<Vectors>& diagonals, std::size_t least) {
    const auto all = [&](auto holds) {
        for (const Vectors& block : diagonals) {
            for (const auto& [offset, values] : block) {
                if (!holds(values)) return false;
            }
        }
        return std::ranges::all_of(gate.bias, [&](const auto& bias) { return bias.empty() || holds(bias); });
    };
    std::size_t period = gate.map.period;
    while (period > least && all([&](const auto& values) { return halves_alike(values, period); })) period /= 2;
    gate.map.period = period;
    for (Vectors& block : diagonals) {
        for (auto& [offset, values] : block) values.resize(period);
    }
    for (auto& bias : gate.bias) bias.resize(std::min(bias.size(), period));
}

/// A position of a row of a ciphertext.
struct Place {
    std::size_t ciphertext = 0;
    std::size_t position = 0;
};

/// Where each entry of a layout lies.
std::vector<std::vector<Place>> places_of(const Layout& layout) {
    std::vector<std::vector<Place>> places(layout.features * layout.images);
    for (std::size_t c = 0; c < layout.ciphertexts(); ++c) {
        for (std::size_t p = 0; p < layout.row(); ++p) {
            const std::int32_t entry = layout.position[c][p];
            if (entry != Layout::kNothing) places[static_cast<std::size_t>(entry)].push_back({c, p});
        }
    }
    return places;
}

/// The place from which the fewest different offsets come about: the nearest, above rather than below, in the same
/// ciphertext if there is one.
const Place& nearest(const std::vector<Place>& places, const Place& from) {
    const auto distance = [&](const Place& place) {
        const long offset = static_cast<long>(place.position) - static_cast<long>(from.position);
        return std::tuple(place.ciphertext != from.ciphertext, std::abs(offset), offset < 0);
    };
    return *std::ranges::min_element(places, {}, distance);
}

}  // namespace

MapGate mixed_tokens(const Packing& packing, const model::MixTokens& mix, const Storage& source,
                     const Storage& target) {
    const std::vector<TapTokens> taps = distances(packing, mix);
    const std::size_t count = source.layout.ciphertexts();
    const double gain = target.factor / source.factor;
    MapGate gate;
    gate.map.period = packing.slots;
    gate.map.inputs = gate.map.outputs = count;
    gate.map.stride = static_cast<long>(packing.row());
    gate.map.blocks.assign(count, std::vector<ckks::DiagonalBlock>(count));
    gate.bias.resize(count);
    std::vector<Vectors> diagonals(count);  // before the gain
    parallel_for(count, [&](std::size_t c) {
        const std::vector<std::int32_t>& positions = source.layout.position[c];
        std::vector<double> bias(packing.slots);
        const auto at_row = [&](std::vector<double>& values, std::size_t token, auto value) {
            for (std::size_t p = 0; p < positions.size(); ++p) {
                if (positions[p] == Layout::kNothing) continue;
                values[token * positions.size() + p] += value(source.layout.feature(positions[p]));
            }
        };
        for (std::size_t t = 0; t < packing.tokens; ++t) {
            at_row(bias, t, [&](std::size_t feature) {
                const double own = mix.bias.empty() ? 0.0 : static_cast<double>(mix.bias[feature]);
                return target.factor * own + target.shift;
            });
        }
        for (std::size_t tap = 0; tap < taps.size(); ++tap) {
            const auto weight = [&](std::size_t feature) {
                return static_cast<double>(mix.weights.values[tap * mix.weights.columns + feature]);
            };
            for (const auto& [rows, tokens] : taps[tap]) {
                auto& diagonal = diagonals[c][static_cast<long>(rows * packing.row())];
                diagonal.resize(packing.slots);
                for (const std::size_t t : tokens) {
                    at_row(diagonal, t, weight);
                    at_row(bias, t, [&](std::size_t feature) { return -gain * source.shift * weight(feature); });
                }
            }
        }
        if (std::ranges::any_of(bias, [](double value) { return value != 0; })) gate.bias[c] = std::move(bias);
    });
    shorten(gate, diagonals, packing.features);
    for (std::size_t c = 0; c < count; ++c) gate.map.blocks[c][c] = {diagonals[c], gain};
    return gate;
}

MapGate turned_features(const Packing& packing, const model::RotateFeatures& turn, const Storage& source,
                        const Storage& target) {
    const Layout& layout = source.layout;
    const std::size_t count = layout.ciphertexts();
    const std::size_t width = layout.features / turn.heads;
    const double gain = target.factor / source.factor;
    const std::vector<std::vector<Place>> places = places_of(layout);
    MapGate gate;
    gate.by_token = true;
    gate.map.period = packing.slots;
    gate.map.inputs = gate.map.outputs = count;
    gate.bias.resize(count);
    std::vector<std::vector<Vectors>> diagonals(count, std::vector<Vectors>(count));  // before the gain
    const auto diagonal = [&](std::size_t output, const Place& from, long offset) -> std::vector<double>& {
        auto& values = diagonals[output][from.ciphertext][offset];
        values.resize(packing.slots);
        return values;
    };
    for (std::size_t c = 0; c < count; ++c) {
        std::vector<double> bias(packing.slots);
        for (std::size_t p = 0; p < layout.row(); ++p) {
            if (layout.position[c][p] == Layout::kNothing) continue;
            const auto entry = static_cast<std::size_t>(layout.position[c][p]);
            const std::size_t j = entry % layout.features % width;
            const bool first = j < width / 2;
            const Place& partner = nearest(places[first ? entry + width / 2 : entry - width / 2], {c, p});
            const std::size_t pair = first ? j : j - width / 2;
            std::vector<double>& own = diagonal(c, {c, p}, 0);
            std::vector<double>& other =
                diagonal(c, partner, static_cast<long>(partner.position) - static_cast<long>(p));
            for (std::size_t t = 0; t < packing.tokens; ++t) {
                const std::size_t row = t % turn.angles.rows * turn.angles.columns;
                const auto angle = static_cast<double>(turn.angles.values[row + pair]);
                const double cosine = std::cos(angle);
                const double sine = first ? -std::sin(angle) : std::sin(angle);
                own[t * layout.row() + p] += cosine;
                other[t * layout.row() + p] += sine;
                bias[t * layout.row() + p] = target.shift - gain * source.shift * (cosine + sine);
            }
        }
        if (std::ranges::any_of(bias, [](double value) { return value != 0; })) gate.bias[c] = std::move(bias);
    }
    for (const std::vector<Vectors>& row : diagonals) {
        auto& blocks = gate.map.blocks.emplace_back();
        for (const Vectors& block : row) blocks.emplace_back(block, gain);
    }
    return gate;
}

std::vector<std::vector<double>> constants_by_token(const Packing& packing, const Layout& layout,
                                                    const model::Matrix& values, double factor) {
    std::vector<std::vector<double>> constants;
    for (const auto& positions : layout.position) {
        auto& slots = constants.emplace_back();
        for (std::size_t t = 0; t < packing.tokens; ++t) {
            const std::size_t row = t % values.rows * values.columns;
            for (const std::int32_t held : positions) {
                slots.push_back(held == Layout::kNothing
                                    ? 0.0
                                    : factor * static_cast<double>(values.values[row + layout.feature(held)]));
            }
        }
    }
    return constants;
}

std::vector<std::vector<double>> row_masks(const Packing& packing, const Layout& layout, std::size_t tokens) {
    std::vector<std::vector<double>> masks = layout_masks(layout);
    for (std::vector<double>& mask : masks) {
        const std::vector<double> row = mask;
        for (std::size_t t = 1; t < packing.tokens; ++t) {
            if (t < tokens) {
                mask.insert(mask.end(), row.begin(), row.end());
            } else {
                mask.resize(mask.size() + row.size());
            }
        }
    }
    return masks;
}

}  // namespace polyformer::compile
