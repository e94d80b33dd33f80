#include "polyformer/substitution/steps/measured_sites.h"

#include <gtest/gtest.h>

#include <cmath>

#include "polyformer/substitution/polynomials/composed_inverse.h"
#include "polyformer/substitution/softmax/attention.h"
#include "polyformer/substitution/softmax/public_prefix.h"
#include "polyformer/support/error.h"
#include "tests/substitution/encoder.h"

namespace polyformer::substitution {
namespace {

using namespace model;

const SubstitutionOptions kOptions{.escape = 0.01, .quiet = true};

CalibrationTexts texts() {
    return {random_texts(60, 1), random_texts(10, 2), random_texts(4, 3)};
}

NodeId input_of(const Graph& graph, const char* name) {
    return std::get<Apply>(graph.nodes[node_named(graph, name)].operation).input;
}

TEST(MeasuredSites, SumsReachAsFarAsTheirGreatestWeight) {
    const Graph graph = encoder_with_roots();
    const MeasuredSites sites = sites_of(graph, measure(graph, texts(), kOptions), kOptions, {});
    const auto root = sites.reading(graph, input_of(graph, "root"));
    const auto inverse = sites.reading(graph, input_of(graph, "inverse"));
    ASSERT_TRUE(root && inverse);
    EXPECT_EQ(sites.seen.sites[*root].name, "root");
    EXPECT_EQ(sites.seen.sites[*inverse].name, "inverse");
    EXPECT_GE(sites.intervals[*inverse].interval.upper, std::exp(sites.intervals[*root].interval.upper));
    EXPECT_FALSE(sites.reading(graph, 0));
}

TEST(MeasuredSites, SumsWithAPublicPrefixStayAboveNoise) {
    const std::vector<std::int32_t> first{3};
    Graph graph = with_prefix(small_decoder(false), embed(first), kContext - 1);
    square_exponentials(graph);
    CalibrationTexts some = texts();
    for (Texts* each : {&some.sample, &some.stress}) {
        for (auto& ids : each->tokens) ids.resize(std::min(ids.size(), graph.context));
    }
    SubstitutionOptions wide = kOptions;
    wide.margin = 3;
    const MeasuredSites sites = sites_of(graph, measure(graph, some, wide), wide, {});
    const auto inverse = sites.reading(graph, softmax_attentions(graph).at(0).all_sums);
    ASSERT_TRUE(inverse.has_value());
    const SiteInterval widest = interval_of(sites.seen.sites[*inverse], 0.01, wide.margin);
    const SiteInterval limited = cut_for_noise(sites.seen.sites[*inverse], widest);
    EXPECT_LT(limited.interval.upper, widest.interval.upper / 10);
    EXPECT_DOUBLE_EQ(sites.intervals[*inverse].interval.upper, limited.interval.upper);
}

TEST(MeasuredSites, WhatFollowsAFixedPolynomialHasAnIntervalByArithmetic) {
    const Graph graph = encoder_with_roots();
    const MeasuredSites before = sites_of(graph, measure(graph, texts(), kOptions), kOptions, {});
    Graph composed = graph;
    const std::size_t inverse = *before.reading(graph, input_of(graph, "inverse"));
    const approx::Interval wide{1e-4, 1e4 * before.intervals[inverse].interval.upper};
    compose_inverse(composed, before.seen.sites[inverse].node, wide, 15);
    const MeasuredSites after =
        sites_of(composed, measure(composed, texts(), kOptions), kOptions, {{"inverse", {wide, 0}, 15}});
    const auto rest = after.reading(composed, input_of(composed, "inverse.rest"));
    ASSERT_TRUE(rest.has_value());
    EXPECT_LE(after.intervals[*rest].interval.upper, inverse_rest(wide, 15).upper * 1.01);
    EXPECT_GE(after.intervals[*rest].interval.lower, inverse_rest(wide, 15).lower / 1.01);
    const ValueHistogram& density = after.seen.sites[*rest].histogram;
    EXPECT_GT(std::exp(density.quantile(0.9985)), 1.7) << "a start overshoots for sums that no text here has";
}

TEST(MeasuredSites, WhatWasAddedLeavesTheRestAsItWasSeen) {
    const Graph graph = encoder_with_roots();
    std::vector<std::string> names;
    for (const Node& node : graph.nodes) names.push_back(node.name);
    const GraphStatistics before = measure(graph, texts(), kOptions);
    Graph composed = graph;
    const NodeId inverse = node_named(graph, "inverse");
    compose_inverse(composed, inverse, {1e-4, 1e4}, 15);
    // What was there is not measured again, so that a few texts are enough.
    const CalibrationTexts few{texts().sample.part(0, 20), texts().stress, {}};
    const GraphStatistics after = measure_added(composed, names, before, few, kOptions);
    const NodeId output = composed.nodes.size() - 1;
    EXPECT_EQ(after.largest[output], before.largest.back());
    EXPECT_EQ(after.largest[node_named(composed, "inverse")], before.largest[inverse]);
    EXPECT_EQ(after.largest[node_named(composed, "inverse.start")].size(), 20U);
    EXPECT_EQ(after.lost.size(), before.lost.size());
    std::size_t added = 0;
    for (const SiteStatistics& site : after.sites) {
        EXPECT_EQ(site.name, composed.nodes[site.node].name);
        added += site.name == "inverse.rest" ? 1 : 0;
        EXPECT_EQ(site.texts.size(), site.name == "inverse.rest" ? 20U : 60U) << site.name;
    }
    EXPECT_EQ(added, 1U);
}

TEST(MeasuredSites, NeedFunctions) {
    Graph done = encoder_with_roots();
    for (Node& node : done.nodes) {
        if (auto* apply = std::get_if<Apply>(&node.operation)) apply->replaces.clear();
    }
    EXPECT_THROW(sites_of(done, measure(done, texts(), kOptions), kOptions, {}), Error);
}

}  // namespace
}  // namespace polyformer::substitution
