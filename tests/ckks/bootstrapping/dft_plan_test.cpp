#include "polyformer/ckks/bootstrapping/dft_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "polyformer/ckks/bootstrapping/bootstrapping.h"
#include "polyformer/ckks/bootstrapping/transform_plan.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(DftPlan, CoversAllStagesInOrder) {
    const Parameters parameters = Parameters::create(presets::insecure_bootstrapping(std::size_t{1} << 12));
    for (const std::size_t slots : {1, 2, 64, 2048}) {
        for (const int levels : {1, 2, 3}) {
            for (const auto direction : {DftDirection::to_slots, DftDirection::to_coefficients}) {
                std::vector<DftGroup> groups = plan_dft(parameters, slots, levels, direction, 5);
                ASSERT_EQ(groups.size(), static_cast<std::size_t>(levels));
                if (direction == DftDirection::to_coefficients) std::reverse(groups.begin(), groups.end());
                int first = 0;
                for (const DftGroup& group : groups) {
                    EXPECT_EQ(group.first, first);
                    EXPECT_GE(group.baby, 1);
                    EXPECT_LE(group.baby, 1 << group.stages);
                    first = group.end();
                }
                EXPECT_EQ(std::size_t{1} << first, slots);
            }
        }
    }
    EXPECT_THAT([&] { plan_dft(parameters, 48, 2, DftDirection::to_slots, 5); },
                ThrowsMessage<Error>(HasSubstr("48 slots")));
    EXPECT_THAT([&] { plan_dft(parameters, 64, 3, DftDirection::to_slots, 2); },
                ThrowsMessage<Error>(AllOf(HasSubstr("from level 2"), HasSubstr("3 levels"))));
}

// At the bottom key switches are cheap and full-length plaintexts small; at the top baby steps are a fifth of giant
// ones, and behind ModRaise so cheap that there are no others.
TEST(DftPlan, OfTheFullSize) {
    const Parameters parameters = Parameters::create(presets::bootstrapping_65536());
    const auto shape = [&](int levels, DftDirection direction, int level) {
        std::vector<std::pair<int, int>> stages_and_babies;
        for (const DftGroup& group : plan_dft(parameters, parameters.slots(), levels, direction, level)) {
            stages_and_babies.emplace_back(group.stages, group.baby);
        }
        return stages_and_babies;
    };
    using Shape = std::vector<std::pair<int, int>>;
    EXPECT_EQ(shape(2, DftDirection::to_slots, 2), (Shape{{8, 32}, {7, 16}}));
    EXPECT_EQ(shape(3, DftDirection::to_coefficients, parameters.max_level()), (Shape{{5, 32}, {5, 16}, {5, 16}}));
}

TEST(DftPlan, TakesFewerKeysTheMoreTheyAreWorth) {
    const Parameters parameters = Parameters::create(presets::bootstrapping_65536());
    std::size_t bytes = Bootstrapper::key_request(parameters, parameters.slots()).file_bytes(parameters);
    double transforms = plan_transforms(parameters, parameters.slots(), 0).counts(parameters).transforms;
    for (const double price : {1e-6, 4e-6, 2e-5, 1e-3}) {
        const std::size_t fewer =
            Bootstrapper::key_request(parameters, parameters.slots(), price).file_bytes(parameters);
        EXPECT_LT(fewer, bytes) << price;
        const double more = plan_transforms(parameters, parameters.slots(), price).counts(parameters).transforms;
        EXPECT_GT(more, transforms) << price;
        bytes = fewer;
        transforms = more;
    }
    EXPECT_LT(bytes, std::size_t{400} << 20);
    EXPECT_THAT([&] { plan_dft(parameters, 64, 2, DftDirection::to_slots, 5, -1); },
                ThrowsMessage<Error>(HasSubstr("worth -1 transforms")));
}

}  // namespace
}  // namespace polyformer::ckks::testing
