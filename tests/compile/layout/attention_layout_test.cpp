#include "polyformer/compile/layout/attention_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "polyformer/support/error.h"

namespace polyformer::compile {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

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

TEST(AttentionLayout, PairsHeadsWhereTokensAreFew) {
    const AttentionLayout layout = attention_layout({32768, 32, 1024}, 9, 64);
    EXPECT_TRUE(layout.paired);
    EXPECT_EQ(layout.lanes, 32U);
    EXPECT_EQ(layout.groups * layout.blocks, 1U);
    const std::vector<std::int32_t> held = layout.key(3).position.front();
    for (std::size_t head = 0; head < 9; ++head) {
        for (std::size_t j = 0; j < 64; ++j) {
            EXPECT_EQ(held[64 * head + j], static_cast<std::int32_t>(head / 3 * 64 + j));
        }
    }
    EXPECT_EQ(held[9 * 64], Layout::kNothing);
    const AttentionLayout odd = attention_layout({4096, 2, 2048}, 2, 7);  // 4 and 3 features
    EXPECT_EQ(odd.value().position.front()[4], 4);
    EXPECT_EQ(odd.value().position.front()[7], Layout::kNothing);
    EXPECT_FALSE(attention_layout({32768, 64, 512}, 9, 64).paired);
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
