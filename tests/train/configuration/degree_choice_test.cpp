#include "polyformer/train/configuration/degree_choice.h"

#include <gtest/gtest.h>

#include <limits>

#include "polyformer/support/error.h"

namespace polyformer::train {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

TEST(DegreeChoice, SpendsLevelsWhereTheyLowerTheLossMost) {
    const std::vector<std::vector<DepthCost>> sites = {{{2, 0.5}, {3, 0.4}, {4, 0.39}}, {{2, 0.9}, {3, 0.3}, {4, 0.1}}};
    EXPECT_EQ(choose_depths(sites, 4), (std::vector<std::size_t>{0, 0}));
    EXPECT_EQ(choose_depths(sites, 5), (std::vector<std::size_t>{0, 1}));
    EXPECT_EQ(choose_depths(sites, 6), (std::vector<std::size_t>{0, 2}));
    EXPECT_EQ(choose_depths(sites, 7), (std::vector<std::size_t>{1, 2}));
    EXPECT_EQ(choose_depths(sites, 99), (std::vector<std::size_t>{2, 2}));
}

TEST(DegreeChoice, TakesNoLevelThatGainsNothing) {
    EXPECT_EQ(choose_depths({{{2, 0.1}, {3, 0.1}, {4, 0.2}}}, 9), (std::vector<std::size_t>{0}));
    EXPECT_EQ(choose_depths({{{2, 0.00005}, {3, 0.00001}, {4, -0.3}}}, 9), (std::vector<std::size_t>{0}));
}

TEST(DegreeChoice, AvoidsPolynomialsThatBreakTheModel) {
    EXPECT_EQ(choose_depths({{{2, infinite}, {3, 0.1}}, {{2, 0.2}, {3, 0.1}}}, 5), (std::vector<std::size_t>{1, 0}));
    EXPECT_THROW(choose_depths({{{2, infinite}, {3, infinite}}}, 9), Error);
}

TEST(DegreeChoice, RefusesABudgetThatNothingFits) {
    EXPECT_THROW(choose_depths({{{2, 0.1}}, {{3, 0.1}}}, 4), Error);
}

}  // namespace
}  // namespace polyformer::train
