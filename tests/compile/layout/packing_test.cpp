#include "polyformer/compile/layout/packing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/message_of.h"

namespace polyformer::compile {
namespace {

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

TEST(ChoosePacking, RemediesAreThingsThatThereAre) {
    EXPECT_THAT(
        message_of([] { choose_packing(1024, 1024 + 1); }),
        testing::AllOf(testing::HasSubstr("shorter context"), testing::HasSubstr("dimension of at least 4096")));
    EXPECT_THAT(message_of([] { choose_packing(32768, 65536); }),
                testing::AllOf(testing::HasSubstr("shorter context"), testing::Not(testing::HasSubstr("131072"))));
    EXPECT_THAT(message_of([] { choose_packing(32768, 1024, 64); }), testing::HasSubstr("fewer images"));
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

}  // namespace
}  // namespace polyformer::compile
