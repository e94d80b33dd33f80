#include "polyformer/substitution/measurement/regression.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "polyformer/support/error.h"

namespace polyformer::substitution {
namespace {

TEST(Regression, FindsTheMapBehindTheRows) {
    const std::vector<double> weight{2, -1, 0.5, 3, 0, 1};  // (3, 2)
    const std::vector<double> bias{-4, 10};
    std::mt19937 random(5);
    std::normal_distribution<double> normal(1, 2);
    Regression regression(3, 2);
    for (int part = 0; part < 4; ++part) {
        std::vector<double> x(50 * 3);
        std::vector<double> y(50 * 2);
        for (double& value : x) value = normal(random);
        for (std::size_t row = 0; row < 50; ++row) {
            for (std::size_t j = 0; j < 2; ++j) {
                y[row * 2 + j] = bias[j];
                for (std::size_t i = 0; i < 3; ++i) y[row * 2 + j] += x[row * 3 + i] * weight[i * 2 + j];
            }
        }
        regression.add(x, y);
    }
    EXPECT_EQ(regression.rows(), 200U);
    const LinearMap map = regression.solve(0);
    for (std::size_t i = 0; i < weight.size(); ++i) EXPECT_NEAR(map.weight[i], weight[i], 1e-9);
    for (std::size_t j = 0; j < bias.size(); ++j) EXPECT_NEAR(map.bias[j], bias[j], 1e-9);
    EXPECT_LT(std::abs(regression.solve(1).weight[0]), 1.5) << "a ridge draws weights towards 0";
}

TEST(Regression, InputsThatNeverChangeAreNoObstacle) {
    Regression regression(2, 1);
    regression.add(std::vector<double>{1, 5, 2, 5, 3, 5}, std::vector<double>{2, 4, 6});
    const LinearMap map = regression.solve(1e-6);
    EXPECT_NEAR(map.weight[0], 2, 1e-3);
    EXPECT_NEAR(map.weight[0] * 2 + map.weight[1] * 5 + map.bias[0], 4, 1e-9);
}

TEST(Regression, RefusesRowsThatDoNotFit) {
    Regression regression(2, 1);
    EXPECT_THROW(regression.solve(1), Error);
    EXPECT_THROW(regression.add(std::vector<double>{1, 2, 3}, std::vector<double>{1}), Error);
    EXPECT_THROW(regression.add(std::vector<double>{1, 2}, std::vector<double>{1, 2}), Error);
}

}  // namespace
}  // namespace polyformer::substitution
