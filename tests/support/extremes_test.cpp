#include "polyformer/support/extremes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

namespace polyformer {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Extremes, KeepWhatIsNotANumber) {
    EXPECT_EQ(larger(1, 2), 2);
    EXPECT_EQ(larger(2, -kInfinity), 2);
    EXPECT_EQ(smaller(1, 2), 1);
    EXPECT_EQ(smaller(-kInfinity, 2), -kInfinity);
    for (const double other : {0.0, 1.0, kInfinity, -kInfinity, kNan}) {
        EXPECT_TRUE(std::isnan(larger(kNan, other)));
        EXPECT_TRUE(std::isnan(larger(other, kNan)));
        EXPECT_TRUE(std::isnan(smaller(kNan, other)));
        EXPECT_TRUE(std::isnan(smaller(other, kNan)));
    }
}

TEST(Extremes, NothingIsGreatestAmongWhatIsNotFinite) {
    EXPECT_EQ(argmax(std::vector<double>{1, 3, 3, 2}), 1U);
    EXPECT_FALSE(argmax({}));
    for (const double odd : {kNan, kInfinity, -kInfinity}) {
        EXPECT_FALSE(argmax(std::vector<double>{odd, 1}));
        EXPECT_FALSE(argmax(std::vector<double>{1, 2, odd}));
        EXPECT_FALSE(all_finite(std::vector<double>{1, odd}));
        EXPECT_TRUE(finite_or_null(odd).is_null());
    }
    EXPECT_TRUE(all_finite({}));
    EXPECT_EQ(finite_or_null(-2.5), -2.5);
}

}  // namespace
}  // namespace polyformer
