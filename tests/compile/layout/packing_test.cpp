#include "polyformer/compile/layout/packing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "polyformer/support/error.h"

namespace polyformer::compile {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(ReplicatedLayout, RepeatsABlockPaddedToAPowerOfTwo) {
    const Layout layout = replicated_layout({64, 4, 16}, 3);
    ASSERT_EQ(layout.ciphertexts(), 1U);
    EXPECT_EQ(layout.position[0], (std::vector<std::int32_t>{0, 1, 2, -1, 0, 1, 2, -1, 0, 1, 2, -1, 0, 1, 2, -1}));
}

TEST(ReplicatedLayout, SpreadsMoreFeaturesOverCiphertexts) {
    const Layout layout = replicated_layout({64, 16, 4}, 6);
    ASSERT_EQ(layout.ciphertexts(), 2U);
    EXPECT_EQ(layout.position[0], (std::vector<std::int32_t>{0, 1, 2, 3}));
    EXPECT_EQ(layout.position[1], (std::vector<std::int32_t>{4, 5, -1, -1}));
}

TEST(ReplicatedLayout, StandsInEveryImage) {
    const Layout layout = replicated_layout({64, 4, 8, 2}, 3);
    EXPECT_EQ(layout.position[0], (std::vector<std::int32_t>{0, 1, 2, -1, 0, 1, 2, -1, 3, 4, 5, -1, 3, 4, 5, -1}));
    EXPECT_TRUE(layout.images_alike());
    EXPECT_EQ(layout.image(4), 1U);
    EXPECT_EQ(layout.feature(4), 1U);
}

TEST(Merged, ReadsTheSameSlotsAsFewerRows) {
    const Packing packing{32, 8, 2, 2};
    EXPECT_EQ(merged(packing, 4), (Packing{32, 2, 8, 2}));
    const Layout layout = merged(replicated_layout(packing, 2), 2);
    EXPECT_EQ(layout.features, 4U);
    EXPECT_EQ(layout.position[0], (std::vector<std::int32_t>{0, 1, 4, 5, 2, 3, 6, 7}));
    EXPECT_FALSE(layout.images_alike());
}

TEST(SpreadLayout, FillsRowAfterRowOfEachImage) {
    const Layout layout = spread_layout({16, 4, 2, 2}, 3);
    ASSERT_EQ(layout.ciphertexts(), 1U);
    EXPECT_EQ(layout.position[0],
              (std::vector<std::int32_t>{0, 1, 3, 4, 2, -1, 5, -1, -1, -1, -1, -1, -1, -1, -1, -1}));
    EXPECT_EQ(spread_layout({16, 4, 2, 2}, 9).ciphertexts(), 2U);
}

TEST(AttentionLayout, InWindowsHoldsShiftsBothWays) {
    const AttentionLayout layout = attention_layout({32768, 256, 128}, 4, 16, 16);
    EXPECT_EQ(layout.groups * layout.blocks, 1U);
    EXPECT_EQ(layout.first_shift(), -15);
    EXPECT_GE(2 * layout.lanes * layout.blocks, 31U);
}

TEST(AttentionLayout, HoldsEveryFeatureAndServesEveryShiftOnce) {
    for (const std::size_t heads : {1U, 3U, 4U, 5U, 8U}) {
        for (const std::size_t head_width : {3U, 4U, 8U, 13U}) {
            const Packing packing{4096, 32, 128};
            const AttentionLayout layout = attention_layout(packing, heads, head_width);
            EXPECT_GE(layout.groups * layout.heads_per_group, heads);
            EXPECT_GE(layout.lanes, head_width);
            EXPECT_EQ(2 * layout.lanes * layout.blocks % packing.tokens, 0U);
            std::set<std::int32_t> features;
            for (const auto& positions : layout.value().position) features.insert(positions.begin(), positions.end());
            features.erase(Layout::kNothing);
            EXPECT_EQ(features.size(), heads * head_width);
            // The positions of a head: each shift of a block exactly once.
            const std::vector<std::size_t> shifts = layout.shift();
            for (std::size_t f = 0; f < packing.features; ++f) EXPECT_EQ(shifts[f], f % (2 * layout.lanes));
        }
    }
}

TEST(AttentionLayout, TakesTheFewestCiphertextsOfScores) {
    // The shipped shape: four heads of width 32 over 64 tokens have all scores in one ciphertext.
    const AttentionLayout shipped = attention_layout({32768, 64, 512}, 4, 32);
    EXPECT_EQ(shipped.groups * shipped.blocks, 1U);
    EXPECT_EQ(shipped.lanes, 32U);
    const AttentionLayout wide = attention_layout({32768, 128, 256}, 8, 64);
    EXPECT_EQ(wide.groups, 4U);
    EXPECT_EQ(wide.blocks, 1U);
    // Positions to spare hold the scores of more keys.
    const AttentionLayout lonely = attention_layout({32768, 128, 256}, 1, 16);
    EXPECT_EQ(lonely.lanes, 64U);
    EXPECT_EQ(lonely.groups * lonely.blocks, 1U);
}

TEST(AttentionLayout, RefusesAHeadThatDoesNotFit) {
    EXPECT_THAT(
        [] {
            attention_layout({1024, 64, 16}, 2, 12);
        },
        ThrowsMessage<Error>(AllOf(HasSubstr("width 12"), HasSubstr("32 positions"), HasSubstr("4096"))));
}

}  // namespace
}  // namespace polyformer::compile
