#include "polyformer/approx/fitting/inverse_square_root.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "polyformer/approx/fitting/approximation.h"
#include "polyformer/support/error.h"

namespace polyformer::approx {
namespace {

using ::testing::HasSubstr;

double dense_relative_error(const InverseSquareRootPlan& plan) {
    double largest = 0;
    const double ratio = std::log(plan.start.upper / plan.start.lower);
    for (int i = 0; i <= 50000; ++i) {
        const double v = plan.start.lower * std::exp(ratio * i / 50000.0);
        largest = std::max(largest, std::abs(plan(v) * std::sqrt(v) - 1));
    }
    return largest;
}

TEST(InverseSquareRoot, ErrorIsCertifiedThroughTheSteps) {
    for (const std::size_t depth : {1U, 2U, 4U, 5U, 6U, 8U}) {
        for (const std::size_t cap : {std::size_t{3}, std::size_t{7}, std::size_t{63}}) {
            const InverseSquareRootPlan plan = inverse_square_root({0.05, 4}, depth, cap);
            SCOPED_TRACE(std::to_string(depth) + " levels, degree " + std::to_string(plan.start.degree()) + ", " +
                         std::to_string(plan.newton_steps.size()) + " steps");
            const double truth = dense_relative_error(plan);
            EXPECT_LE(truth, plan.max_relative_error + 1e-14);
            EXPECT_GE(truth, 0.95 * plan.max_relative_error - 1e-14);
            EXPECT_LE(plan.depth, depth);
            EXPECT_LE(plan.start.degree(), cap);
            EXPECT_EQ(plan.depth, plan.start.depth() + 2 * plan.newton_steps.size());
        }
    }
}

TEST(InverseSquareRoot, SinglePolynomialHasTheLeastErrorOfItsDepth) {
    for (std::size_t depth = 2; depth <= 6; ++depth) {
        const InverseSquareRootPlan plan = inverse_square_root({0.1, 3}, depth);
        EXPECT_TRUE(plan.newton_steps.empty()) << depth;
        EXPECT_EQ(plan.start.degree(), (std::size_t{1} << depth) - 1);
        EXPECT_LE(plan.max_relative_error,
                  inverse_square_root({0.1, 3}, depth, depth > 2 ? (std::size_t{1} << (depth - 2)) - 1 : 1)
                      .max_relative_error);
    }
}

TEST(InverseSquareRoot, StepsGoBeyondACappedStart) {
    const InverseSquareRootPlan plan = inverse_square_root({0.01, 10}, 8, 15);
    EXPECT_EQ(plan.newton_steps.size(), 2U);
    EXPECT_EQ(plan.start.degree(), 15U);
    EXPECT_EQ(plan.products, products_of_degree(15) + 6);
    EXPECT_LT(plan.max_relative_error, inverse_square_root({0.01, 10}, 6, 15).max_relative_error);
}

TEST(InverseSquareRoot, ChosenStepsBeatTheClassicOnes) {
    InverseSquareRootPlan plan = inverse_square_root({0.05, 4}, 6, 3);
    ASSERT_EQ(plan.newton_steps.size(), 2U);
    const double chosen = dense_relative_error(plan);
    for (NewtonStep& step : plan.newton_steps) step = NewtonStep{};
    EXPECT_LT(chosen, dense_relative_error(plan) / 3);
}

TEST(InverseSquareRoot, CheapestMeetsItsBudget) {
    for (const double budget : {1e-1, 1e-3, 1e-6}) {
        const InverseSquareRootPlan plan = cheapest_inverse_square_root({0.05, 4}, 9, budget);
        EXPECT_LE(plan.max_relative_error, budget);
        EXPECT_LE(dense_relative_error(plan), budget);
        EXPECT_LE(plan.depth, 9U);
        const std::size_t single = products_of_degree(
            lowest_degree_for(target_function("inverse_sqrt"), {0.05, 4}, budget, ErrorKind::relative)
                .polynomial.degree());
        EXPECT_LE(plan.products, single) << budget;
    }
}

TEST(InverseSquareRoot, ProductsOfPatersonStockmeyer) {
    const std::size_t expected[] = {0, 0, 1, 2, 3, 4, 4, 4};
    for (std::size_t degree = 0; degree < std::size(expected); ++degree) {
        EXPECT_EQ(products_of_degree(degree), expected[degree]) << degree;
    }
    EXPECT_EQ(products_of_degree(15), 7U);
    EXPECT_EQ(products_of_degree(31), 11U);
    EXPECT_EQ(products_of_degree(63), 16U);
}

TEST(InverseSquareRoot, ErrorsNameValuesAndRemedy) {
    const auto message_of = [](auto action) {
        try {
            action();
        } catch (const Error& error) {
            return std::string(error.what());
        }
        return std::string("no error");
    };
    EXPECT_THAT(message_of([] { inverse_square_root({0, 4}, 4); }), HasSubstr("above 0 only"));
    EXPECT_THAT(message_of([] { inverse_square_root({-1, 4}, 4); }), HasSubstr("[-1, 4]"));
    EXPECT_THAT(message_of([] { inverse_square_root({4, 1}, 4); }), HasSubstr("empty"));
    EXPECT_THAT(message_of([] { inverse_square_root({1, 4}, 0); }), HasSubstr("depth of 0"));
    EXPECT_THAT(message_of([] { inverse_square_root({1, 4}, 4, 0); }), HasSubstr("degree at most 0"));
    EXPECT_THAT(message_of([] { cheapest_inverse_square_root({1e-4, 100}, 3, 1e-6); }), HasSubstr("the best is"));
}

}  // namespace
}  // namespace polyformer::approx
