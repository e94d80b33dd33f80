#include "polyformer/trainer/batches/batches.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "polyformer/support/error.h"
#include "polyformer/trainer/batches/strange_inputs.h"
#include "tests/trainer/toy.h"

namespace polyformer::train {
namespace {

PreparedText counting(std::size_t length) {
    std::vector<std::int32_t> text(length);
    std::iota(text.begin(), text.end(), 0);
    return prepared_from(std::move(text), length);
}

TEST(Batches, AreSequencesOfTheTextOnceAnEpoch) {
    Batches batches(counting(1000), 8, 4, 1);
    ASSERT_EQ(batches.steps_per_epoch(), 30U);  // (999 / 8 − 1) / 4
    std::set<std::int64_t> starts;
    for (std::size_t step = 0; step < 30; ++step) {
        const torch::Tensor tokens = batches.tokens(step);
        ASSERT_EQ(tokens.sizes(), (std::vector<std::int64_t>{4, 9}));
        for (std::int64_t row = 0; row < 4; ++row) {
            const auto start = tokens[row][0].item<std::int64_t>();
            EXPECT_TRUE(torch::equal(tokens[row], torch::arange(start, start + 9)));
            EXPECT_TRUE(starts.insert(start).second) << "sequence at " << start << " came twice";
        }
    }
}

TEST(Batches, DependOnSeedAndStepAlone) {
    Batches one(counting(1000), 8, 4, 1);
    Batches same(counting(1000), 8, 4, 1);
    Batches other(counting(1000), 8, 4, 2);
    for (std::size_t step = 0; step < 70; ++step) static_cast<void>(one.tokens(step));
    EXPECT_TRUE(torch::equal(one.tokens(41), same.tokens(41)));
    EXPECT_FALSE(torch::equal(one.tokens(41), other.tokens(41)));
    EXPECT_FALSE(torch::equal(one.tokens(0), one.tokens(30)));  // another order in the next epoch
}

TEST(Batches, MakesAShareOfTheRowsStrange) {
    Batches plain(counting(1000), 8, 4, 1);
    Batches batches(counting(1000), 8, 4, 1, 0.25);
    std::size_t strange = 0;
    for (std::size_t step = 0; step < 60; ++step) {
        const Batch batch = batches.at(step);
        const Batch same = plain.at(step);
        for (std::int64_t row = 0; row < 4; ++row) {
            if (batch.target[row][0].item<std::int64_t>() == kNoTarget) {
                ++strange;
                EXPECT_TRUE(batch.target[row].eq(kNoTarget).all().item<bool>());
                EXPECT_TRUE(batch.input[row].ge(0).logical_and(batch.input[row].lt(1000)).all().item<bool>());
                EXPECT_FALSE(torch::equal(batch.input[row], same.input[row]));
            } else {
                EXPECT_TRUE(torch::equal(batch.input[row], same.input[row]));
                EXPECT_TRUE(torch::equal(batch.target[row], same.target[row]));
            }
        }
    }
    EXPECT_NEAR(static_cast<double>(strange), 60, 15);
    EXPECT_TRUE(torch::equal(Batches(counting(1000), 8, 4, 1, 0.25).at(41).input, batches.at(41).input));
}

TEST(Batches, RefusesATextTooShort) {
    EXPECT_THROW(Batches(counting(40), 8, 4, 1), Error);
}

}  // namespace
}  // namespace polyformer::train
