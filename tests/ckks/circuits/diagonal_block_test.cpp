#include "polyformer/ckks/circuits/diagonal_block.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "polyformer/support/error.h"

namespace polyformer::ckks::testing {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

using Diagonals = std::map<long, std::vector<float>>;

TEST(DiagonalBlock, GivesBackWhatItGot) {
    const Diagonals diagonals{{-3, {0, 0, 1, 2, 0, 0, 0, 0, 3, 0, 4, 0}},  // gaps long and short
                              {0, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
                              {1, std::vector<float>(12)},
                              {5, {7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8}}};
    const DiagonalBlock block(diagonals, -0.5);
    ASSERT_EQ(block.size(), 4U);
    EXPECT_EQ(block.period(), 12U);
    std::size_t index = 0;
    for (const auto& [offset, numbers] : diagonals) {
        EXPECT_EQ(block.offset(index), offset);
        EXPECT_EQ(block.index_of(offset), index);
        std::vector<double> expected;
        for (const float number : numbers) expected.push_back(-0.5 * static_cast<double>(number));
        EXPECT_THAT(block.values(index++), ElementsAreArray(expected)) << offset;
    }
    EXPECT_THAT([&] { block.index_of(2); }, ThrowsMessage<Error>(HasSubstr("no diagonal 2 among 4")));
}

TEST(DiagonalBlock, KeepsFloatsTimesADoubleAsTheyAre) {
    constexpr double kFactor = 1.0 / 3;
    std::vector<float> weights;
    for (int i = 1; i <= 64; ++i) weights.push_back(std::sin(static_cast<float>(i)));
    const DiagonalBlock block(Diagonals{{0, weights}}, kFactor);
    for (std::size_t i = 0; i < weights.size(); ++i) {
        EXPECT_EQ(block.values(0)[i], kFactor * static_cast<double>(weights[i]));
    }
}

TEST(DiagonalBlock, TakesLittleMoreThanAFloatForEachWeight) {
    constexpr long kWidth = 256;
    Diagonals diagonals;
    for (long i = 0; i < kWidth; ++i) {
        for (long j = 0; j < kWidth; ++j) {
            diagonals[i - j].resize(kWidth);
            diagonals[i - j][static_cast<std::size_t>(j)] = 1;
        }
    }
    const DiagonalBlock block(diagonals);
    EXPECT_EQ(block.size(), 2U * kWidth - 1);
    EXPECT_LT(static_cast<double>(block.bytes()), 1.06 * kWidth * kWidth * sizeof(float));
}

TEST(DiagonalBlock, ChangesNumbersBeforeTheFactor) {
    const DiagonalBlock block(Diagonals{{0, {1, 2, 3}}, {2, {0, 0, 4}}}, 10);
    const DiagonalBlock changed = block.changed([](std::vector<double>& numbers) { numbers[0] = numbers[2]; });
    EXPECT_THAT(changed.values(0), ElementsAreArray({30, 20, 30}));
    EXPECT_THAT(changed.values(1), ElementsAreArray({40, 0, 40}));
    EXPECT_NE(changed, block);
    EXPECT_EQ(block.changed([](std::vector<double>&) {}), block);
}

TEST(DiagonalBlock, MayHaveOffsetsAlone) {
    const DiagonalBlock block(Diagonals{{-1, {}}, {4, {}}});
    EXPECT_EQ(block.size(), 2U);
    EXPECT_EQ(block.period(), 0U);
    EXPECT_EQ(block.offset(1), 4);
}

TEST(DiagonalBlock, RefusesDiagonalsOfSeveralLengths) {
    EXPECT_THAT(
        [] {
            DiagonalBlock(Diagonals{{0, {1, 2}}, {1, {1, 2, 3}}});
        },
        ThrowsMessage<Error>(HasSubstr("diagonal 1 has 3 values, the first one 2")));
}

}  // namespace
}  // namespace polyformer::ckks::testing
