#include "polyformer/compile/circuit/linear_maps.h"

#include <algorithm>
#include <bit>
#include <iterator>

#include "polyformer/support/system/parallel.h"

namespace polyformer::compile {

namespace {

/// One way to read a feature: a ciphertext of the source and an offset to rotate by.
struct Reading {
    std::size_t ciphertext = 0;
    long offset = 0;
};

/// Finds where entries of the source lie.
class SourceIndex {
  public:
    explicit SourceIndex(const Storage& source)
        : positions_(source.layout.features * source.layout.images), width_(source.layout.row()) {
        for (std::size_t c = 0; c < source.layout.ciphertexts(); ++c) {
            for (std::size_t f = 0; f < width_; ++f) {
                const std::int32_t entry = source.layout.position[c][f];
                if (entry != Layout::kNothing) positions_[static_cast<std::size_t>(entry)].push_back({f, c});
            }
        }
        for (auto& places : positions_) std::ranges::sort(places);
        // With several images, what lies in the next row lies behind all the others.
        wraps_ = source.equal_rows && source.layout.images == 1;
    }

    /// Where to read `entry` from at position f of a row.
    Reading read(std::size_t entry, std::size_t f) const {
        const auto& places = positions_[entry];
        const auto above = std::ranges::lower_bound(places, f, {}, &Place::position);
        if (above != places.end()) return reading(*above, f);
        return reading(wraps_ ? places.front() : places.back(), f);
    }

  private:
    struct Place {
        std::size_t position = 0;
        std::size_t ciphertext = 0;
        friend auto operator<=>(const Place&, const Place&) = default;
    };

    Reading reading(const Place& place, std::size_t f) const {
        long offset = static_cast<long>(place.position) - static_cast<long>(f);
        if (wraps_ && offset < 0) offset += static_cast<long>(width_);
        return {place.ciphertext, offset};
    }

    std::vector<std::vector<Place>> positions_;
    std::size_t width_;
    bool wraps_ = false;
};

/// The diagonals of one output ciphertext, filled entry by entry.
class RowOfBlocks {
  public:
    RowOfBlocks(std::size_t inputs, std::size_t width, std::size_t period, Diagonals diagonals)
        : width_(static_cast<long>(width)),
          period_(period),
          with_values_(diagonals == Diagonals::with_values),
          used_(inputs * 2 * width, false),
          diagonals_(inputs * 2 * width) {}

    void add(const Reading& reading, std::size_t slot, double weight) {
        const long index = (static_cast<long>(2 * reading.ciphertext) + 1) * width_ + reading.offset;
        used_[static_cast<std::size_t>(index)] = true;
        if (!with_values_) return;
        auto& diagonal = diagonals_[static_cast<std::size_t>(index)];
        if (diagonal.empty()) diagonal.resize(period_);
        diagonal[slot] = static_cast<float>(weight);  // only this entry lies there
    }

    /// All multiplied by `factor`.
    std::vector<ckks::DiagonalBlock> take(double factor) {
        std::vector<ckks::DiagonalBlock> blocks;
        for (std::size_t begin = 0; begin < diagonals_.size(); begin += static_cast<std::size_t>(2 * width_)) {
            std::map<long, std::vector<float>> block;
            for (long offset = -width_; offset < width_; ++offset) {
                const std::size_t index = begin + static_cast<std::size_t>(offset + width_);
                if (used_[index]) block[offset] = std::move(diagonals_[index]);
            }
            blocks.emplace_back(block, factor);
        }
        return blocks;
    }

  private:
    long width_;
    std::size_t period_;
    bool with_values_;
    std::vector<bool> used_;                     ///< by input, then offset + width
    std::vector<std::vector<float>> diagonals_;  ///< likewise
};

}  // namespace

FeatureMap identity_map(std::size_t features) {
    return {features, features, [](std::size_t i, std::size_t j) { return i == j ? 1.0 : 0.0; },
            [](std::size_t) { return 0.0; }};
}

MapGate diagonals_of(const FeatureMap& map, const Storage& source, const Storage& target, Diagonals diagonals) {
    const std::size_t inputs = source.layout.ciphertexts();
    const std::size_t outputs = target.layout.ciphertexts();
    const std::size_t width = source.layout.row();
    const bool alike = target.layout.row() == width && source.layout.images_alike() && target.layout.images_alike();
    const std::size_t period = alike ? width / target.layout.images : target.layout.row();
    const SourceIndex index(source);
    const double gain = target.factor / source.factor;

    std::vector<double> constants(map.outputs);
    for (std::size_t j = 0; j < map.outputs; ++j) {
        double column_sum = 0;
        if (source.shift != 0) {
            for (std::size_t i = 0; i < map.inputs; ++i) column_sum += map.weight(i, j);
        }
        constants[j] = target.factor * map.bias(j) - gain * source.shift * column_sum + target.shift;
    }

    MapGate gate;
    gate.map.period = period;
    gate.map.inputs = inputs;
    gate.map.outputs = outputs;
    gate.map.blocks.resize(outputs);
    gate.bias.resize(outputs);
    parallel_for(outputs, [&](std::size_t output) {
        RowOfBlocks row(inputs, width, period, diagonals);
        std::vector<double> bias(period);
        for (std::size_t slot = 0; slot < period; ++slot) {
            const std::int32_t held = target.layout.position[output][slot];
            if (held == Layout::kNothing) continue;
            const std::size_t j = target.layout.feature(held);
            const std::size_t first = target.layout.image(held) * map.inputs;
            bias[slot] = constants[j];
            for (std::size_t i = 0; i < map.inputs; ++i) {
                const double weight = map.weight(i, j);
                if (weight == 0) continue;
                row.add(index.read(first + i, slot % width), slot, weight);
            }
        }
        gate.map.blocks[output] = row.take(gain);
        if (std::ranges::any_of(bias, [](double value) { return value != 0; })) gate.bias[output] = std::move(bias);
    });
    return gate;
}

MapGate skew(const Packing& packing, const Layout& layout, const std::vector<std::size_t>& shift, double factor) {
    MapGate gate;
    const std::size_t count = layout.ciphertexts();
    gate.map.period = packing.features;
    gate.map.inputs = count;
    gate.map.outputs = count;
    gate.map.stride = static_cast<long>(packing.row());
    gate.map.blocks.assign(count, std::vector<ckks::DiagonalBlock>(count));
    gate.bias.resize(count);
    for (std::size_t c = 0; c < count; ++c) {
        std::map<long, std::vector<float>> diagonals;
        for (std::size_t f = 0; f < packing.features; ++f) {
            if (layout.position[c][f] == Layout::kNothing) continue;
            // Back by shift rows is forth by tokens − shift, cyclically.
            const std::size_t rows = (packing.tokens - shift[f] % packing.tokens) % packing.tokens;
            auto& diagonal = diagonals[static_cast<long>(rows * packing.row())];
            diagonal.resize(packing.features);
            diagonal[f] = 1;
        }
        gate.map.blocks[c][c] = {diagonals, factor};
    }
    return gate;
}

std::vector<std::vector<double>> layout_masks(const Layout& layout) {
    std::vector<std::vector<double>> masks;
    for (const auto& positions : layout.position) {
        auto& mask = masks.emplace_back();
        for (const std::int32_t held : positions) mask.push_back(held == Layout::kNothing ? 0.0 : 1.0);
    }
    return masks;
}

Repetition repetition_of(const Layout& layout) {
    const std::size_t width = layout.row() / layout.images;
    if (!layout.images_alike()) return {1, width};
    std::size_t end = 0;
    for (const auto& positions : layout.position) {
        for (std::size_t f = 0; f < width; ++f) {
            if (positions[f] != Layout::kNothing) end = std::max(end, f + 1);
        }
    }
    const auto repeats = [&](std::size_t distance, std::size_t last) {
        return std::ranges::all_of(layout.position, [&](const auto& positions) {
            return std::equal(positions.begin() + static_cast<long>(distance),
                              positions.begin() + static_cast<long>(last), positions.begin());
        });
    };
    for (std::size_t distance = 1; distance < end; ++distance) {
        const std::size_t count = (end + distance - 1) / distance;
        if (std::has_single_bit(count) && count * distance <= width && repeats(distance, count * distance)) {
            return {count, distance};
        }
    }
    return {1, width};
}

Layout first_positions(Layout layout, std::size_t distance) {
    const std::size_t width = layout.row() / layout.images;
    for (auto& positions : layout.position) {
        for (std::size_t p = 0; p < positions.size(); ++p) {
            if (p % width >= distance) positions[p] = Layout::kNothing;
        }
    }
    return layout;
}

MapGate mean_of_sums(const Packing& packing, std::size_t features, std::size_t period, double factor, double shift) {
    const std::size_t width = packing.features;
    const double weight = factor / static_cast<double>(features);
    MapGate gate;
    gate.map.period = width;
    gate.map.inputs = gate.map.outputs = 1;
    std::map<long, std::vector<float>> diagonals;
    const std::size_t right = width - period + 1;  // positions whose sum stayed within the token
    diagonals[0].assign(width, 0);
    std::fill_n(diagonals[0].begin(), right, 1.0F);
    std::vector<double> bias(width, shift);
    if (period == width) {
        std::fill(bias.begin() + 1, bias.end(), 0.0);
    } else if (period > 1) {
        auto& from_below = diagonals[-static_cast<long>(period)];
        from_below.assign(width, 0);
        std::fill(from_below.begin() + static_cast<long>(right), from_below.end(), 1.0F);
    }
    gate.map.blocks = {{ckks::DiagonalBlock(diagonals, weight)}};
    gate.bias.resize(1);
    if (shift != 0) gate.bias[0] = std::move(bias);
    return gate;
}

void append_outputs(MapGate& map, MapGate more) {
    map.map.outputs += more.map.outputs;
    std::ranges::move(more.map.blocks, std::back_inserter(map.map.blocks));
    std::ranges::move(more.bias, std::back_inserter(map.bias));
}

}  // namespace polyformer::compile
