#include "polyformer/compile/circuit/token_maps.h"

#include <gtest/gtest.h>

#include <cmath>

namespace polyformer::compile {
namespace {

constexpr std::size_t kTokens = 6;  // in a packing of 8
constexpr Packing kPacking{128, 8, 8, 2};
constexpr std::int32_t kNone = model::MixTokens::kNothing;

model::MixTokens mix_of(std::vector<std::vector<std::int32_t>> sources) {
    model::MixTokens mix;
    mix.sources = std::move(sources);
    mix.weights = {mix.sources.size(), 3, {}};
    for (std::size_t i = 0; i < 3 * mix.sources.size(); ++i) {
        mix.weights.values.push_back(static_cast<float>(std::cos(static_cast<double>(i))));
    }
    mix.bias = {0.5F, -0.25F, 2};
    return mix;
}

/// Rows beyond the tokens are copies of the first.
double value(std::size_t image, std::size_t token, std::size_t feature) {
    return std::sin(static_cast<double>(40 * image + 3 * (token % kTokens) + feature));
}

std::size_t expect_mixed(const model::MixTokens& mix) {
    const Storage source{.layout = replicated_layout(kPacking, 3), .factor = 0.5, .shift = 0.125};
    const Storage target{.layout = source.layout, .factor = 2, .shift = -1};
    const Layout& layout = source.layout;
    const auto image_of = [&](std::size_t s) { return layout.image(layout.position[0][s % layout.row()]); };
    const auto feature_of = [&](std::size_t s) { return layout.feature(layout.position[0][s % layout.row()]); };
    const auto held = [&](std::size_t s) { return layout.position[0][s % layout.row()] != Layout::kNothing; };
    std::vector<double> input(kPacking.slots, 1e6);
    for (std::size_t s = 0; s < input.size(); ++s) {
        if (held(s)) input[s] = 0.5 * value(image_of(s), s / layout.row(), feature_of(s)) + 0.125;
    }
    const MapGate gate = mixed_tokens(kPacking, mix, source, target);
    for (std::size_t s = 0; s < input.size(); ++s) {
        double output = gate.bias[0][s % gate.map.period];
        const ckks::DiagonalBlock& block = gate.map.blocks[0][0];
        for (std::size_t index = 0; index < block.size(); ++index) {
            const double weight = block.values(index)[s % gate.map.period];
            const auto offset = static_cast<std::size_t>(block.offset(index));
            if (weight != 0) output += weight * input[(s + offset) % input.size()];
        }
        double expected = 0;
        if (held(s)) {
            expected = static_cast<double>(mix.bias[feature_of(s)]);
            for (std::size_t tap = 0; tap < mix.sources.size(); ++tap) {
                const std::int32_t from = mix.sources[tap][s / layout.row() % kTokens];
                if (from == kNone) continue;
                expected += static_cast<double>(mix.weights.values[3 * tap + feature_of(s)]) *
                            value(image_of(s), static_cast<std::size_t>(from), feature_of(s));
            }
            expected = 2 * expected - 1;
        }
        EXPECT_NEAR(output, expected, 1e-6) << s;
    }
    return gate.map.period;
}

TEST(MixedTokens, ReadEveryTokensSources) {
    EXPECT_EQ(expect_mixed(mix_of({{kNone, 0, 1, 2, 3, 4}, {0, 1, 2, 3, 4, 5}, {5, 3, kNone, 1, 4, 0}})), 128U);
    EXPECT_EQ(expect_mixed(mix_of({{5, 4, 3, 2, 1, 0}})), 128U);
}

TEST(MixedTokens, ThatAreTreatedAlikeHaveAShortPeriod) {
    EXPECT_EQ(expect_mixed(mix_of({{0, 1, 2, 3, 4, 5}})), kPacking.features);
    const Storage storage{.layout = replicated_layout({64, 8, 8}, 3)};
    const MapGate pairs = mixed_tokens({64, 8, 8}, mix_of({{1, 0, 3, 2, 5, 4, 7, 6}}), storage, storage);
    EXPECT_EQ(pairs.map.period, 16U);
    EXPECT_EQ(pairs.map.blocks[0][0].size(), 2U);
}

TEST(ConstantsByToken, StandWhereverAFeatureDoes) {
    const Layout layout = replicated_layout(kPacking, 3);
    model::Matrix values{kTokens, 3, {}};
    for (int i = 0; i < 18; ++i) values.values.push_back(static_cast<float>(i));
    const std::vector<double> slots = constants_by_token(kPacking, layout, values, 0.5).front();
    ASSERT_EQ(slots.size(), kPacking.slots);
    for (std::size_t s = 0; s < slots.size(); ++s) {
        const std::int32_t held = layout.position[0][s % layout.row()];
        const std::size_t token = s / layout.row() % kTokens;
        EXPECT_EQ(slots[s], held < 0 ? 0 : 0.5 * static_cast<double>(3 * token + layout.feature(held)));
    }
    const std::vector<double> mask = row_masks(kPacking, layout, kTokens).front();
    for (std::size_t s = 0; s < slots.size(); ++s) {
        EXPECT_EQ(mask[s], layout.position[0][s % layout.row()] >= 0 && s / layout.row() < kTokens ? 1 : 0);
    }
}

}  // namespace
}  // namespace polyformer::compile
