#include "polyformer/compile/circuit/linear_maps.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "polyformer/compile/layout/attention_layout.h"

namespace polyformer::compile {
namespace {

constexpr Packing kPacking{128, 8, 16};

/// In single precision, as weights are.
double weight(std::size_t i, std::size_t j) {
    return static_cast<float>(std::sin(1.0 + 3.0 * static_cast<double>(i) + 0.7 * static_cast<double>(j)));
}

FeatureMap some_map(std::size_t inputs, std::size_t outputs) {
    return {inputs, outputs, weight, [](std::size_t j) { return 0.1 * static_cast<double>(j); }};
}

double feature(std::size_t token, std::size_t i) {
    return std::cos(static_cast<double>(7 * token + i));
}

/// Slots of x[t, i] = feature(t, i) under the storage; what holds nothing is garbage, to see that nobody reads it.
std::vector<std::vector<double>> store(const Storage& storage) {
    std::vector<std::vector<double>> slots;
    for (const auto& positions : storage.layout.position) {
        auto& vector = slots.emplace_back();
        for (std::size_t t = 0; t < kPacking.tokens; ++t) {
            for (const std::int32_t held : positions) {
                const double value = held < 0 ? 1e6 : feature(t, static_cast<std::size_t>(held));
                vector.push_back(storage.factor * value + storage.shift);
            }
        }
    }
    return slots;
}

std::vector<std::vector<double>> apply_map(const MapGate& gate, const std::vector<std::vector<double>>& inputs) {
    std::vector<std::vector<double>> outputs;
    for (std::size_t o = 0; o < gate.map.outputs; ++o) {
        auto& output = outputs.emplace_back(kPacking.slots);
        for (std::size_t s = 0; s < kPacking.slots; ++s) {
            if (!gate.bias[o].empty()) output[s] = gate.bias[o][s % gate.bias[o].size()];
            for (std::size_t i = 0; i < inputs.size(); ++i) {
                const ckks::DiagonalBlock& block = gate.map.blocks[o][i];
                for (std::size_t index = 0; index < block.size(); ++index) {
                    const auto from = (static_cast<long>(s) + block.offset(index) + 128) % 128;
                    const double factor = block.values(index)[s % block.period()];
                    if (factor != 0) output[s] += factor * inputs[i][static_cast<std::size_t>(from)];
                }
            }
        }
    }
    return outputs;
}

void expect_map(const FeatureMap& map, const Storage& target, const std::vector<std::vector<double>>& outputs) {
    for (std::size_t c = 0; c < outputs.size(); ++c) {
        for (std::size_t s = 0; s < kPacking.slots; ++s) {
            const std::int32_t held = target.layout.position[c][s % kPacking.features];
            double expected = 0;
            if (held >= 0) {
                const auto j = static_cast<std::size_t>(held);
                double value = map.bias(j);
                for (std::size_t i = 0; i < map.inputs; ++i)
                    value += map.weight(i, j) * feature(s / kPacking.features, i);
                expected = target.factor * value + target.shift;
            }
            ASSERT_NEAR(outputs[c][s], expected, 1e-9) << "ciphertext " << c << ", slot " << s;
        }
    }
}

std::size_t distinct_offsets(const MapGate& gate) {
    return gate.map.blocks[0][0].size();
}

TEST(DiagonalsOf, MapsReplicatedToReplicated) {
    const FeatureMap map = some_map(3, 5);
    const Storage source{.layout = replicated_layout(kPacking, 3), .factor = 0.5, .shift = 0.25};
    const Storage target{.layout = replicated_layout(kPacking, 5), .factor = 2, .shift = -0.125};
    const MapGate gate = diagonals_of(map, source, target);
    expect_map(map, target, apply_map(gate, store(source)));
    // A period of 4: offsets lie in (−4, 4).
    EXPECT_LE(distinct_offsets(gate), 7U);
}

TEST(DiagonalsOf, MapsBetweenSeveralCiphertexts) {
    const FeatureMap map = some_map(40, 20);
    const Storage source{.layout = replicated_layout(kPacking, 40)};
    const Storage target{.layout = replicated_layout(kPacking, 20)};
    expect_map(map, target, apply_map(diagonals_of(map, source, target), store(source)));
}

TEST(DiagonalsOf, MapsIntoHeads) {
    const AttentionLayout heads = attention_layout(kPacking, 2, 3);
    const FeatureMap map = some_map(6, 6);
    const Storage source{.layout = replicated_layout(kPacking, 6)};
    for (const Layout& layout : {heads.query(), heads.value()}) {
        const Storage target{.layout = layout};
        expect_map(map, target, apply_map(diagonals_of(map, source, target), store(source)));
    }
}

/// Slots of several images, in a packing of their own.
struct ImageSlots {
    Packing packing;
    Layout layout;

    static double value(std::size_t image, std::size_t token, std::size_t i) { return feature(10 * image + token, i); }
    std::vector<std::vector<double>> store() const {
        std::vector<std::vector<double>> slots;
        for (const auto& positions : layout.position) {
            auto& vector = slots.emplace_back();
            for (std::size_t s = 0; s < packing.slots; ++s) {
                const std::int32_t held = positions[s % positions.size()];
                vector.push_back(held < 0 ? 1e6
                                          : value(layout.image(held), s / positions.size(), layout.feature(held)));
            }
        }
        return slots;
    }
};

TEST(DiagonalsOf, ServesAllImagesWithOnePeriod) {
    const FeatureMap map = some_map(3, 5);
    const ImageSlots source{{128, 4, 16, 2}, replicated_layout({128, 4, 16, 2}, 3)};
    for (const bool merges : {false, true}) {
        // Merged tokens lie between other images' tokens, and go to where each image has a place of its own.
        const std::size_t group = merges ? 2 : 1;
        const Packing longer = merged(source.packing, group);
        const FeatureMap wider = some_map(3 * group, 5);
        const Storage target{.layout = replicated_layout(longer, 5)};
        const MapGate gate = diagonals_of(merges ? wider : map, {.layout = merged(source.layout, group)}, target);
        EXPECT_EQ(gate.map.period, merges ? 64U : 16U);
        const auto output = apply_map(gate, source.store()).front();
        for (std::size_t s = 0; s < 128; ++s) {
            const std::int32_t held = target.layout.position[0][s % longer.row()];
            if (held < 0) continue;
            const std::size_t j = target.layout.feature(held);
            double expected = map.bias(j);
            for (std::size_t i = 0; i < 3 * group; ++i) {
                const std::size_t token = s / longer.row() * group + i / 3;
                expected += wider.weight(i, j) * ImageSlots::value(target.layout.image(held), token, i % 3);
            }
            ASSERT_NEAR(output[s], expected, 1e-9) << s;
        }
    }
}

TEST(Skew, MovesEachPositionBackByItsRows) {
    const Layout layout = replicated_layout(kPacking, 5);
    std::vector<std::size_t> shift(kPacking.features);
    for (std::size_t f = 0; f < shift.size(); ++f) shift[f] = f;  // beyond the tokens it wraps around
    const Storage source{.layout = layout};
    const auto output = apply_map(skew(kPacking, layout, shift, 0.5), store(source)).front();
    for (std::size_t s = 0; s < kPacking.slots; ++s) {
        const std::size_t f = s % kPacking.features;
        const std::int32_t held = layout.position[0][f];
        const std::size_t row = (s / kPacking.features + 2 * kPacking.tokens - shift[f]) % kPacking.tokens;
        ASSERT_NEAR(output[s], held < 0 ? 0 : 0.5 * feature(row, static_cast<std::size_t>(held)), 1e-12);
    }
}

TEST(MeanOfSums, ReachesEveryPositionThatItCan) {
    for (const std::size_t features : {4U, 8U, 16U, 11U}) {
        const std::size_t period = std::bit_ceil(features);
        const Layout layout = replicated_layout(kPacking, features);
        Storage storage{.layout = layout};
        std::vector<double> slots = store(storage).front();
        for (std::size_t s = 0; s < slots.size(); ++s) {
            if (layout.position[0][s % kPacking.features] < 0) slots[s] = 0;
        }
        for (std::size_t distance = 1; distance < period; distance *= 2) {
            std::vector<double> rotated = slots;
            for (std::size_t s = 0; s < slots.size(); ++s) rotated[s] += slots[(s + distance) % slots.size()];
            slots = rotated;
        }
        const auto output = apply_map(mean_of_sums(kPacking, features, period, 3, 0.5), {slots}).front();
        for (std::size_t s = 0; s < kPacking.slots; ++s) {
            double sum = 0;
            for (std::size_t i = 0; i < features; ++i) sum += feature(s / kPacking.features, i);
            const bool filled = period < kPacking.features || s % kPacking.features == 0;
            ASSERT_NEAR(output[s], filled ? 3 * sum / static_cast<double>(features) + 0.5 : 0, 1e-9) << features;
        }
    }
}

TEST(RepetitionOf, FindsWhatRepeats) {
    const Repetition padded = repetition_of(replicated_layout(kPacking, 3));
    EXPECT_EQ(padded.count, 4U);
    EXPECT_EQ(padded.distance, 4U);
    EXPECT_EQ(repetition_of(replicated_layout(kPacking, 16)).count, 1U);
    EXPECT_EQ(repetition_of(replicated_layout(kPacking, 1)).count, 16U);
}

}  // namespace
}  // namespace polyformer::compile
