#include "polyformer/substitution/steps/second_shift_step.h"

#include <gtest/gtest.h>

#include "polyformer/substitution/softmax/second_shift.h"
#include "tests/substitution/encoder.h"

namespace polyformer::substitution {
namespace {

using namespace model;

const SubstitutionOptions kOptions{.escape = 0.01, .degrees = {15, 31, 63}, .quiet = true};

TEST(SecondShiftStep, FixesFirstLooksAndLeavesRoots) {
    Graph graph = encoder_with_roots();
    std::vector<SoftmaxAttention> attentions = softmax_attentions(graph);
    add_second_shift(graph, attentions, 0);
    const CalibrationTexts texts{random_texts(60, 1), random_texts(10, 2), random_texts(4, 3)};
    const MeasuredSites sites = sites_of(graph, measure(graph, texts, kOptions), kOptions, {});
    const std::vector<FixedPolynomial> fixed = fix_second_shifts(graph, sites, kOptions);
    ASSERT_EQ(fixed.size(), 2U);
    EXPECT_EQ(fixed[0].name, "glance");
    EXPECT_EQ(fixed[1].name, "glance_log");
    const auto replaces = [&](const char* name) {
        return std::get<Apply>(graph.nodes[node_named(graph, name)].operation).replaces;
    };
    EXPECT_EQ(replaces("glance"), "");
    EXPECT_EQ(replaces("glance_log"), "");
    EXPECT_EQ(replaces("root"), "exp_half");
}

TEST(SecondShiftStep, LeavesSumsThatSpreadLittle) {
    Graph graph = encoder_with_roots();
    std::vector<SoftmaxAttention> attentions = softmax_attentions(graph);
    const std::size_t nodes = graph.nodes.size();
    const CalibrationTexts texts{random_texts(60, 1), random_texts(10, 2), random_texts(4, 3)};
    MeasuredSites sites = sites_of(graph, measure(graph, texts, kOptions), kOptions, {});
    EXPECT_FALSE(add_second_shifts(graph, attentions, sites));
    EXPECT_EQ(graph.nodes.size(), nodes);
    sites.intervals[*sites.reading(graph, attentions[0].sums)].interval.upper *= 1e6;
    EXPECT_TRUE(add_second_shifts(graph, attentions, sites));
    EXPECT_TRUE(has_second_shift(graph, softmax_attentions(graph).at(0)));
}

}  // namespace
}  // namespace polyformer::substitution
