#include "polyformer/compile/analysis/analysis.h"

#include <bit>

#include "polyformer/compile/analysis/bounds.h"
#include "polyformer/compile/analysis/layouts.h"
#include "polyformer/compile/analysis/prefixes.h"
#include "polyformer/compile/analysis/uses.h"
#include "polyformer/support/error.h"

namespace polyformer::compile {

namespace {

using model::Graph;
using model::Node;
using model::NodeId;

/// Merging tokens makes another packing of the same slots; everything else stays in its operands'.
void choose_packings(const Graph& graph, const Packing& packing, std::vector<NodeFacts>& facts) {
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        const Node& node = graph.nodes[id];
        const std::vector<NodeId> inputs = model::inputs_of(node.operation);
        facts[id].packing = inputs.empty() ? packing : facts[inputs.front()].packing;
        if (inputs.empty()) continue;
        facts[id].equal_rows = facts[inputs.front()].equal_rows;
        for (const NodeId input : inputs) {
            require(facts[input].packing == facts[id].packing && facts[input].equal_rows == facts[id].equal_rows,
                    "'{}' reads '{}' and '{}', which have one token each, but come to it in different ways: take the "
                    "mean over tokens or merge them for both",
                    node.name, graph.nodes[inputs.front()].name, graph.nodes[input].name);
        }
        if (std::holds_alternative<model::TokenMean>(node.operation) ||
            std::holds_alternative<model::SelectToken>(node.operation)) {
            facts[id].equal_rows = facts[id].packing.tokens > 1;
        }
        if (const auto* merge = std::get_if<model::MergeTokens>(&node.operation)) {
            require(std::has_single_bit(merge->group),
                    "'{}' merges tokens by {}: slots are divided by powers of two, so merge by 2, 4, 8, ...", node.name,
                    merge->group);
            require(!facts[id].equal_rows || merge->group == 1, "'{}' merges tokens of '{}', which has only one",
                    node.name, graph.nodes[merge->input].name);
            facts[id].packing = merged(facts[id].packing, merge->group);
        }
    }
}

}  // namespace

std::vector<NodeFacts> analyse(const Graph& graph, const Packing& packing) {
    const std::vector<model::Shape> shapes = model::shapes_of(graph);
    std::vector<NodeFacts> facts(graph.nodes.size());
    for (NodeId id = 0; id < facts.size(); ++id) facts[id].shape = shapes[id];
    choose_packings(graph, packing, facts);
    find_uses(graph, facts);
    choose_bounds(graph, facts);
    choose_score_layouts(graph, facts);
    find_prefixes(graph, facts);
    choose_layouts(graph, facts);
    return facts;
}

}  // namespace polyformer::compile
