#include "polyformer/trainer/batches/batches.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "polyformer/support/error.h"
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

TEST(Batches, RefusesATextTooShort) {
    EXPECT_THROW(Batches(counting(40), 8, 4, 1), Error);
}

}  // namespace
}  // namespace polyformer::train
