#include "polyformer/substitution/steps/last_check.h"

#include <gtest/gtest.h>

namespace polyformer::substitution {
namespace {

using namespace model;

TEST(LastCheck, BoundsReachStressTextsThatHaveAnAnswer) {
    Graph graph{.context = 1, .width = 1, .vocabulary = 1, .nodes = {}};
    graph.nodes.push_back({"input", Input{}});
    graph.nodes.push_back({"function", Apply{0, {-2, 100, {0}}, "tanh"}});
    GraphStatistics seen;
    seen.largest = {{1, 1.5F, 2}, {3, 3, 3}};
    seen.lost = {false, false, false};
    seen.stress = {{90, 110}, {400, 1e6F}};
    set_bounds(graph, seen, {});
    EXPECT_DOUBLE_EQ(graph.nodes[0].bound, 90 * 1.25);
    EXPECT_DOUBLE_EQ(graph.nodes[1].bound, 400 * 1.25) << "the other one leaves the interval";
}

}  // namespace
}  // namespace polyformer::substitution
