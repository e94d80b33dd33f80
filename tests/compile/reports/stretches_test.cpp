#include "polyformer/compile/reports/stretches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "polyformer/compile/compile.h"
#include "tests/compile/small_plan.h"

namespace polyformer::compile {
namespace {

using fixtures::plan_options;

/// A change to try on a plan whose bootstraps stay where they are.
struct Change {
    std::string deeper_node;        ///< whose polynomial takes `levels` more
    std::size_t lower_stretch = 0;  ///< that starts `levels` lower, when no node is named
    int levels = 0;
};

/// Runs the levels only, every value as high as it can be: does each bootstrap find its input level?
bool fits(const Plan& plan, const Change& change) {
    const auto start = [&](std::size_t stretch, int level) {
        return change.deeper_node.empty() && stretch == change.lower_stretch ? level - change.levels : level;
    };
    std::map<ValueId, int> levels;
    std::size_t stretch = 0;
    for (const ValueId input : plan.inputs) levels[input] = start(stretch, plan.frame.parameters.working_level());
    bool after_bootstrap = false;
    bool fit = true;
    for (const Step& step : plan.steps) {
        const bool bootstrap = std::holds_alternative<BootstrapStep>(step.operation);
        if (bootstrap && !after_bootstrap) ++stretch;
        after_bootstrap = bootstrap;
        int level = plan.frame.parameters.working_level();
        const auto* add = std::get_if<AddStep>(&step.operation);
        for (const ValueId input : inputs_of(step.operation)) {
            const bool scaled = add != nullptr && input == add->left && add->left_factor != 1;
            level = std::min(level, levels.at(input) - (scaled ? 1 : 0));
        }
        if (bootstrap) {
            fit = fit && level >= plan.frame.parameters.bootstrapping_input_level();
            level = start(stretch, plan.frame.parameters.working_level());
        } else {
            level -= step.level - step.output_level;
            const bool deeper =
                std::holds_alternative<PolynomialStep>(step.operation) && step.name == change.deeper_node;
            if (deeper) level -= change.levels;
        }
        for (const ValueId output : outputs_of(step.operation)) levels[output] = level;
    }
    return fit && std::ranges::all_of(plan.outputs, [&](ValueId output) { return levels.at(output) >= 0; });
}

class StretchesTest : public testing::TestWithParam<model::NormKind> {};

TEST_P(StretchesTest, SlackAndRoomAreWhatFitsAndNoMore) {
    const model::Transformer model = fixtures::two_layers(GetParam());
    for (const Positions positions : {Positions::all, Positions::last}) {
        const Plan plan = compile(model.graph, plan_options(2048, positions));
        const std::vector<Stretch> stretches = stretches_of(plan);
        ASSERT_GE(stretches.size(), 2U);
        for (std::size_t s = 0; s < stretches.size(); ++s) {
            const Stretch& stretch = stretches[s];
            SCOPED_TRACE(stretch.first + " to " + stretch.last);
            EXPECT_EQ(stretch.levels, stretch.used + stretch.kept + stretch.slack);
            EXPECT_GE(stretch.slack, 0);
            EXPECT_TRUE(fits(plan, {"", s, stretch.slack}));
            EXPECT_FALSE(fits(plan, {"", s, stretch.slack + 1}));
            for (const PolynomialUse& use : stretch.polynomials) {
                EXPECT_GE(use.room, stretch.slack) << use.node;
                EXPECT_TRUE(fits(plan, {use.node, 0, use.room})) << use.node;
                EXPECT_FALSE(fits(plan, {use.node, 0, use.room + 1})) << use.node;
            }
        }
    }
}

TEST_P(StretchesTest, EveryCiphertextAndPolynomialIsInOne) {
    const model::Graph graph = fixtures::two_layers(GetParam()).graph;
    const Plan plan = compile(graph, plan_options(2048));
    std::vector<std::string> expected;
    for (const model::Node& node : graph.nodes) {
        if (std::holds_alternative<model::Apply>(node.operation)) expected.push_back(node.name);
    }
    std::vector<std::string> found;
    std::size_t refreshed = 0;
    for (const Stretch& stretch : stretches_of(plan)) {
        refreshed += stretch.ciphertexts;
        for (const PolynomialUse& use : stretch.polynomials) {
            found.push_back(use.node);
            EXPECT_EQ(use.depth, 4) << use.node;
        }
    }
    EXPECT_THAT(found, testing::UnorderedElementsAreArray(expected));
    EXPECT_EQ(refreshed, plan.inputs.size() + plan.summary.bootstrapped_values);
}

INSTANTIATE_TEST_SUITE_P(Norms, StretchesTest,
                         testing::Values(model::NormKind::layer_norm, model::NormKind::rms_norm,
                                         model::NormKind::batch_norm));

TEST(Stretches, ARequestMayStartLower) {
    PlanOptions options = plan_options(2048);
    options.highest_input_level = 3;
    const std::vector<Stretch> stretches =
        stretches_of(compile(fixtures::two_layers(model::NormKind::layer_norm).graph, options));
    EXPECT_EQ(stretches.front().levels, 3);
    EXPECT_LE(stretches.front().used + stretches.front().kept, 3);
}

}  // namespace
}  // namespace polyformer::compile
