#include "polyformer/tasks/maps/linear_head.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "polyformer/support/error.h"

namespace polyformer::tasks {
namespace {

/// Three clouds that overlap a little, in a plane.
struct Clouds {
    std::vector<std::vector<double>> x;
    std::vector<std::size_t> classes;
};

Clouds clouds() {
    Clouds result;
    for (std::size_t i = 0; i < 600; ++i) {
        const std::size_t of = i % 3;
        const double angle = 2.4 * static_cast<double>(i);
        const double radius = 0.8 * std::sqrt(static_cast<double>(i % 101) / 101);
        const double centre = 2.1 * static_cast<double>(of);
        result.x.push_back({std::cos(centre) + radius * std::cos(angle), std::sin(centre) + radius * std::sin(angle)});
        result.classes.push_back(of);
    }
    return result;
}

TEST(LinearHead, TellsCloudsApart) {
    const Clouds data = clouds();
    const LinearHead head = fit_linear_head(data.x, data.classes, 3, {});
    std::size_t right = 0;
    for (std::size_t row = 0; row < data.x.size(); ++row) {
        std::size_t best = 0;
        double most = -std::numeric_limits<double>::infinity();
        for (std::size_t c = 0; c < 3; ++c) {
            double logit = static_cast<double>(head.bias[c]);
            for (std::size_t i = 0; i < 2; ++i) {
                logit += data.x[row][i] * static_cast<double>(head.weight.values[i * 3 + c]);
            }
            if (logit > most) best = c;
            most = std::max(most, logit);
        }
        right += best == data.classes[row] ? 1 : 0;
    }
    EXPECT_GT(right, 570U);
}

// Two points, one feature: minimise log(1 + e^(−2w)) + p·w², w the weight of either class, by hand.
TEST(LinearHead, MinimisesThePenalisedLoss) {
    const std::vector<std::vector<double>> x{{1.0}, {-1.0}};
    const std::vector<std::size_t> classes{0, 1};
    const double penalty = 0.05;
    const LinearHead head = fit_linear_head(x, classes, 2, {.penalty = penalty});
    const double w = static_cast<double>(head.weight.values[0]);
    EXPECT_NEAR(static_cast<double>(head.weight.values[1]), -w, 1e-4);
    EXPECT_NEAR(2 / (1 + std::exp(2 * w)), 2 * penalty * w, 1e-4);
    EXPECT_NEAR(head.loss, std::log1p(std::exp(-2 * w)), 1e-4);
}

TEST(LinearHead, RefusesWhatCannotBeLearnt) {
    const std::vector<std::vector<double>> x{{1.0}, {-1.0}};
    const std::vector<std::size_t> classes{0, 1};
    EXPECT_THROW(fit_linear_head({}, {}, 2, {}), Error);
    EXPECT_THROW(fit_linear_head(x, classes, 1, {}), Error);
    EXPECT_THROW(fit_linear_head(x, std::vector<std::size_t>{0, 2}, 2, {}), Error);
    EXPECT_THROW(fit_linear_head(std::vector<std::vector<double>>{{1.0}, {std::nan("")}}, classes, 2, {}), Error);
    EXPECT_THROW(fit_linear_head(std::vector<std::vector<double>>{{1.0}, {1.0, 2.0}}, classes, 2, {}), Error);
}

}  // namespace
}  // namespace polyformer::tasks
