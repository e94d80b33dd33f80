#include "polyformer/compile/reports/depth_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "polyformer/compile/compile.h"
#include "polyformer/support/error.h"
#include "tests/compile/small_plan.h"

namespace polyformer::compile {
namespace {

using fixtures::plan_options;
using testing::HasSubstr;

TEST(DepthBudget, CostsAreThoseOfModelsWithSuchPolynomials) {
    const PlanOptions options = plan_options(2048);
    const model::Graph graph = fixtures::two_layers(model::NormKind::layer_norm, 7).graph;
    const std::vector<DepthCosts> budget = depth_budget(graph, options, 7, 8);
    ASSERT_EQ(budget.size(), 4U);
    // Norms of depth 3 and activations of depth 4, then both of depth 4: models that exist.
    EXPECT_EQ(budget[0].attention.norm, 3);
    EXPECT_EQ(budget[0].feed_forward.activation, 4);
    EXPECT_EQ(budget[3].attention.sum(), 8);
    const PlanSummary equal = compile(fixtures::two_layers(model::NormKind::layer_norm, 15).graph, options).summary;
    EXPECT_EQ(budget[3].summary.value().bootstraps, equal.bootstraps);
    EXPECT_EQ(budget[3].summary.value().ciphertext_products, equal.ciphertext_products);
    EXPECT_DOUBLE_EQ(budget[3].summary.value().seconds, equal.seconds);
    EXPECT_LT(budget[0].summary.value().seconds, equal.seconds);
}

TEST(DepthBudget, BatchNormsLeaveItAllToTheActivation) {
    const std::vector<DepthCosts> budget =
        depth_budget(fixtures::two_layers(model::NormKind::batch_norm).graph, plan_options(2048));
    ASSERT_EQ(budget.size(), 36U);
    EXPECT_EQ(budget.front().attention.norm, 0);
    EXPECT_EQ(budget.front().attention.activation, 3);
    EXPECT_EQ(budget.back().feed_forward.activation, 8);
    EXPECT_LT(budget.front().summary.value().seconds, budget.back().summary.value().seconds);
}

TEST(DepthBudget, WhatCannotFitIsSaid) {
    PlanOptions options = plan_options(2048);
    options.parameters.working_levels = 9;
    const auto budget = depth_budget(fixtures::two_layers(model::NormKind::layer_norm).graph, options, 8, 16);
    EXPECT_TRUE(budget.front().summary.has_value());
    EXPECT_FALSE(budget.back().summary.has_value()) << "depth 8 leaves none of 9 levels for a bootstrap";
}

TEST(DepthBudget, ErrorsNameTheRemedy) {
    model::Graph graph = fixtures::two_layers(model::NormKind::layer_norm).graph;
    EXPECT_THAT([&] { depth_budget(graph, plan_options(2048), 9, 7); },
                testing::ThrowsMessage<Error>(HasSubstr("9 to 7")));
    for (model::Node& node : graph.nodes) node.name = "x" + node.name + "x";
    EXPECT_THAT([&] { depth_budget(graph, plan_options(2048)); },
                testing::ThrowsMessage<Error>(HasSubstr("layers.0.attention.activation")));
}

}  // namespace
}  // namespace polyformer::compile
