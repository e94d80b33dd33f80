#include "polyformer/compile/reports/depth_budget.h"

#include <algorithm>
#include <string_view>

#include "polyformer/compile/compile.h"
#include "polyformer/support/error.h"

namespace polyformer::compile {

namespace {

using model::Apply;
using model::Graph;
using model::Node;

constexpr std::string_view kAttentionNorm = ".attention_norm.inverse_sqrt";
constexpr std::string_view kAttention = ".attention.activation";
constexpr std::string_view kFeedForwardNorm = ".feed_forward_norm.inverse_sqrt";
constexpr std::string_view kFeedForward = ".feed_forward.activation";

std::size_t polynomials_named(const Graph& graph, std::string_view ending) {
    return static_cast<std::size_t>(std::ranges::count_if(graph.nodes, [&](const Node& node) {
        return node.name.ends_with(ending) && std::holds_alternative<Apply>(node.operation);
    }));
}

/// Compilation looks at degrees only; a polynomial of this one with coefficients that all count.
void set_depths(Graph& graph, std::string_view ending, int depth) {
    for (Node& node : graph.nodes) {
        auto* apply = std::get_if<Apply>(&node.operation);
        if (apply == nullptr || !node.name.ends_with(ending)) continue;
        apply->polynomial.coefficients.assign(std::size_t{1} << depth, 1.0);
    }
}

std::vector<HalfDepths> choices(const Graph& graph, std::string_view norm, int least, int most) {
    constexpr int without_norm = 3;
    std::vector<HalfDepths> all;
    for (int sum = least; sum <= most; ++sum) {
        if (polynomials_named(graph, norm) > 0) {
            all.push_back({sum / 2, sum - sum / 2});
        } else if (sum > without_norm) {
            all.push_back({0, sum - without_norm});
        }
    }
    return all;
}

std::optional<PlanSummary> costs_of(const Graph& graph, const PlanOptions& options) {
    try {
        return compile(graph, options).summary;
    } catch (const Error&) {
        return std::nullopt;  // the graph as it was compiles, so it is the depths
    }
}

}  // namespace

std::size_t layers_of(const Graph& graph) {
    return polynomials_named(graph, kAttention);
}

std::vector<DepthCosts> depth_budget(const Graph& graph, const PlanOptions& options, int least, int most) {
    require(2 <= least && least <= most && most <= 16,
            "polynomials of half a layer cannot have depths of {} to {} in all: give a range within 2 to 16", least,
            most);
    require(layers_of(graph) > 0 && polynomials_named(graph, kFeedForward) > 0,
            "the graph has no polynomials named 'layers.0{}' and 'layers.0{}', so it is unknown what a layer is: name "
            "the nodes of a transformer as the model builder does",
            kAttention, kFeedForward);
    static_cast<void>(compile(graph, options));  // throws for whatever is wrong besides the depths
    std::vector<DepthCosts> budget;
    Graph changed = graph;
    for (const HalfDepths& attention : choices(graph, kAttentionNorm, least, most)) {
        for (const HalfDepths& feed_forward : choices(graph, kFeedForwardNorm, least, most)) {
            set_depths(changed, kAttentionNorm, attention.norm);
            set_depths(changed, kAttention, attention.activation);
            set_depths(changed, kFeedForwardNorm, feed_forward.norm);
            set_depths(changed, kFeedForward, feed_forward.activation);
            budget.push_back({attention, feed_forward, costs_of(changed, options)});
        }
    }
    return budget;
}

}  // namespace polyformer::compile
