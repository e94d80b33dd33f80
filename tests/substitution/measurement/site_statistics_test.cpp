#include "polyformer/substitution/measurement/site_statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace polyformer::substitution {
namespace {

using namespace model;

/// input → tanh → 1/√x of it, and a polynomial that stands for nothing.
Graph two_sites() {
    Graph graph{.context = 4, .width = 2, .vocabulary = 2, .nodes = {}};
    graph.nodes.push_back({"input", Input{}});
    graph.nodes.push_back({"tanh", Apply{0, {-1, 1, {0}}, "tanh"}});
    graph.nodes.push_back({"polynomial", Apply{1, {-1, 1, {1}}, ""}});
    graph.nodes.push_back({"scale", Apply{2, {-1, 1, {0}}, "inverse_sqrt"}});
    return graph;
}

TEST(SiteStatistics, SeesWhatEntersEachFunction) {
    StatisticsCollector collector(two_sites());
    const std::vector<Tensor> first{{1, 2, {1, -3}}, {2, 2, {2, 2, 0, 7}}};
    const std::vector<Tensor> positive{{1, 2, {0.5, 8}}, {2, 2, {1, 1, 2, 2}}};
    collector.observe(0, first);
    collector.observe(2, positive);
    collector.observe(0, std::vector<Tensor>{{1, 2, {100, 0}}}, Purpose::stress);
    collector.observe(2, std::vector<Tensor>{{1, 2, {1, 2}}}, Purpose::stress);
    collector.observe(3, std::vector<Tensor>{{1, 2, {1, 2}}}, Purpose::stress);
    const GraphStatistics& seen = collector.statistics();
    ASSERT_EQ(seen.sites.size(), 2U);
    const SiteStatistics& tanh = seen.sites[0];
    EXPECT_EQ(tanh.name, "tanh");
    ASSERT_EQ(tanh.texts.size(), 2U);
    EXPECT_EQ(tanh.texts[0].smallest, -3);
    EXPECT_EQ(tanh.texts[1].largest, 7);
    EXPECT_EQ(tanh.stress.largest, 100) << "stress texts show how far inputs reach";
    EXPECT_EQ(tanh.histogram.total(), 6) << "but not how often";
    const SiteStatistics& scale = seen.sites[1];
    EXPECT_EQ(scale.coordinate, Coordinate::logarithm);
    EXPECT_DOUBLE_EQ(scale.texts[0].smallest, std::log(0.5));
    EXPECT_DOUBLE_EQ(scale.texts[0].largest, std::log(8.0));
    EXPECT_EQ(seen.largest[0], (std::vector<float>{3, 7}));
    EXPECT_EQ(seen.stress[0], (std::vector<float>{100}));
}

TEST(SiteStatistics, TextsWithoutACoordinateOrBeyondTheLimitsAreLost) {
    StatisticsCollector collector(two_sites(), {{-5, 5}, {-1, 1}});
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const std::vector<Tensor> inputs{{1, 2, {1, nan}}, {1, 2, {1, 6}}, {1, 2, {1, 2}}};
    const std::vector<Tensor> variances{{1, 2, {1, 1}}, {1, 2, {1, 1}}, {1, 2, {0, 1}}};
    collector.observe(0, inputs);
    collector.observe(2, variances);
    const GraphStatistics& seen = collector.statistics();
    EXPECT_EQ(seen.sites[0].lost, 2U);
    EXPECT_EQ(seen.sites[0].texts.size(), 1U);
    EXPECT_EQ(seen.sites[1].lost, 1U) << "the logarithm of 0";
    EXPECT_EQ(seen.lost, (std::vector<bool>{true, true, true}));
}

TEST(SiteStatistics, AStressTextThatIsLostShowsNothing) {
    StatisticsCollector collector(two_sites(), {{-5, 5}, {-1, 1}});
    collector.observe(0, std::vector<Tensor>{{1, 2, {6, 0}}, {1, 2, {4, 0}}}, Purpose::stress);
    collector.observe(2, std::vector<Tensor>{{1, 2, {1, 1}}, {1, 2, {1, 1}}}, Purpose::stress);
    collector.observe(3, std::vector<Tensor>{{1, 2, {99, 0}}, {1, 2, {3, 0}}}, Purpose::stress);
    EXPECT_EQ(collector.statistics().stress[3], (std::vector<float>{3}));
    EXPECT_EQ(collector.statistics().sites[0].stress.largest, 4);
    EXPECT_EQ(collector.statistics().sites[0].lost, 0U);
}

TEST(SiteStatistics, ExponentialsCountByTheSumOfTheirRow) {
    Graph graph{.context = 2, .width = 2, .vocabulary = 2, .nodes = {}};
    graph.nodes.push_back({"input", Input{}});
    graph.nodes.push_back({"root", Apply{0, {-1, 1, {0}}, "exp_half"}});
    const double x = 2 * std::log(3.0);
    // The function gives 1 and 3, and 2 and 2.
    const std::vector<Tensor> values{{2, 2, {0, x, 2 * std::log(2.0), 2 * std::log(2.0)}}};
    StatisticsCollector alone(graph);
    alone.observe(0, values);
    EXPECT_FALSE(alone.statistics().sites[0].squared);
    EXPECT_NEAR(alone.statistics().sites[0].histogram.total(), 2.0 / 16 + 2.0 / 16, 1e-12);
    // Squares are 1 and 9, 4 and 4; an error of the root by d is one of the square by 2·root·d.
    graph.nodes.push_back({"weights", Multiply{1, 1}});
    StatisticsCollector squared(graph);
    squared.observe(0, values);
    EXPECT_TRUE(squared.statistics().sites[0].squared);
    EXPECT_NEAR(squared.statistics().sites[0].histogram.total(), 10.0 / 100 + 8.0 / 64, 1e-12);
}

/// Weights as an attention's sums alone read them; with `also` their root goes to something else, too.
Graph masked_weights(bool also) {
    Graph graph{.context = 2, .width = 2, .vocabulary = 2, .nodes = {}};
    graph.nodes.push_back({"input", Input{}});
    graph.nodes.push_back({"scores", AttentionScores{.query = 0, .key = 0, .heads = 1, .scale = 1}});
    graph.nodes.push_back({"root", Apply{1, {-1, 1, {0}}, "exp_half"}});
    graph.nodes.push_back({"weights", Multiply{2, 2}});
    graph.nodes.push_back({"sums", AttentionSums{.scores = 3, .heads = 1, .causal = true}});
    if (also) graph.nodes.push_back({"product", Multiply{1, 2}});
    if (also) graph.nodes.push_back({"other", AttentionSums{.scores = 5, .heads = 1, .causal = true}});
    return graph;
}

TEST(SiteStatistics, WeightsAreAsLargeAsACausalMaskLeavesThem) {
    for (const bool also : {false, true}) {
        StatisticsCollector collector(masked_weights(also));
        const std::vector<Tensor> values{{2, 2, {2, 50, 3, -4}}};
        for (const NodeId node : {0, 1, 2, 3}) collector.observe(node, values);
        const GraphStatistics& seen = collector.statistics();
        EXPECT_EQ(seen.largest[1], (std::vector<float>{50})) << "scores are stored before any mask";
        // Noise would hide small weights if the mask's share counted.
        const std::vector<float> kept{also ? 50.0F : 4.0F};
        EXPECT_EQ(seen.largest[2], kept);
        EXPECT_EQ(seen.largest[3], kept);
    }
}

TEST(SiteStatistics, MergingIsSeeingBoth) {
    const std::vector<Tensor> first{{1, 2, {1, -3}}};
    const std::vector<Tensor> second{{1, 2, {0, 9}}};
    StatisticsCollector one(two_sites());
    StatisticsCollector other(two_sites());
    StatisticsCollector both(two_sites());
    one.observe(0, first);
    other.observe(0, second);
    both.observe(0, first);
    both.observe(0, second);
    GraphStatistics merged = one.statistics();
    merge(merged, other.statistics());
    EXPECT_EQ(merged.largest, both.statistics().largest);
    EXPECT_EQ(merged.lost, both.statistics().lost);
    EXPECT_EQ(merged.sites[0].texts.size(), 2U);
    EXPECT_EQ(merged.sites[0].histogram.histogram(64).counts,
              both.statistics().sites[0].histogram.histogram(64).counts);
}

}  // namespace
}  // namespace polyformer::substitution
