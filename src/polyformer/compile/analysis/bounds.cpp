#include "polyformer/compile/analysis/bounds.h"

#include <algorithm>
#include <optional>

#include "polyformer/compile/analysis/node_classes.h"
#include "polyformer/compile/analysis/weight_bounds.h"

namespace polyformer::compile {

namespace {

using model::Graph;
using model::Node;
using model::NodeId;

/// Can this node's producer fold any constant factor at no cost?
bool absorbs_constants(const Node& node) {
    return std::holds_alternative<model::Linear>(node.operation) ||
           std::holds_alternative<model::FeatureMean>(node.operation) ||
           std::holds_alternative<model::MixTokens>(node.operation) ||
           std::holds_alternative<model::RotateFeatures>(node.operation) ||
           std::holds_alternative<model::AttentionSums>(node.operation) ||
           std::holds_alternative<model::Apply>(node.operation);
}

/// The term of a sum that keeps a bound of its own, and is scaled on its way down to the sum: a residual stream, which
/// would otherwise be stored from the first layer on with the bound, and so the noise, that only the last one needs.
std::optional<NodeId> scaled_term(const Graph& graph, const std::vector<NodeFacts>& facts, const model::Add& add) {
    const auto is_stream = [&](NodeId id) {
        const model::Operation& operation = graph.nodes[id].operation;
        return std::holds_alternative<model::Input>(operation) || std::holds_alternative<model::Add>(operation) ||
               std::holds_alternative<model::AddConstant>(operation) ||
               std::holds_alternative<model::MixTokens>(operation) ||
               std::holds_alternative<model::ScaleFeatures>(operation) ||
               std::holds_alternative<model::Centre>(operation);
    };
    const auto is_branch = [&](NodeId id) {
        return std::holds_alternative<model::Linear>(graph.nodes[id].operation) && facts[id].uses.size() == 1;
    };
    if (is_stream(add.left) && is_branch(add.right)) return add.left;
    if (is_stream(add.right) && is_branch(add.left)) return add.right;
    return std::nullopt;
}

}  // namespace

void choose_bounds(const Graph& graph, std::vector<NodeFacts>& facts) {
    Classes sums(graph.nodes.size());
    std::vector<bool> in_sum(graph.nodes.size(), false);
    std::vector<std::optional<NodeId>> scaled(graph.nodes.size());
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        const auto keeps_constants = [&](NodeId input) {
            sums.join(id, input);
            in_sum[input] = in_sum[id] = true;
        };
        if (const auto* sum = std::get_if<model::AddConstant>(&graph.nodes[id].operation)) keeps_constants(sum->input);
        if (const auto* centre = std::get_if<model::Centre>(&graph.nodes[id].operation)) keeps_constants(centre->input);
        const auto* add = std::get_if<model::Add>(&graph.nodes[id].operation);
        if (add == nullptr) continue;
        scaled[id] = scaled_term(graph, facts, *add);
        for (const NodeId term : {add->left, add->right}) {
            if (term == scaled[id]) continue;
            sums.join(id, term);
            in_sum[term] = true;
        }
        in_sum[id] = true;
    }
    const auto members = sums.members();
    for (const auto& [first, nodes] : members) {
        double bound = 0;
        for (const NodeId id : nodes) bound = std::max(bound, graph.nodes[id].bound);
        for (const NodeId id : nodes) facts[id].bound = bound;
    }
    // In order of evaluation: along a stream, bounds only grow.
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        if (!scaled[id] || facts[*scaled[id]].bound <= facts[id].bound) continue;
        const double bound = facts[*scaled[id]].bound;
        for (const auto& [first, nodes] : members) {
            if (std::ranges::find(nodes, id) == nodes.end()) continue;
            for (const NodeId node : nodes) facts[node].bound = bound;
        }
    }
    loosen_weights(graph, sums, facts);
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        const auto* product = std::get_if<model::Multiply>(&graph.nodes[id].operation);
        if (product == nullptr || is_squared_for_attention(graph, facts, product->left)) continue;
        NodeFacts& left = facts[product->left];
        NodeFacts& right = facts[product->right];
        if (!in_sum[id]) {
            facts[id].bound = left.bound * right.bound;
            facts[id].loose = (left.loose || right.loose) && facts[id].bound < graph.nodes[id].bound;
            continue;
        }
        const auto rescale = [&](NodeId factor, const NodeFacts& other) {
            const double wanted = facts[id].bound / other.bound;
            if (in_sum[factor] || facts[factor].uses.size() > 1 || !absorbs_constants(graph.nodes[factor]) ||
                wanted < facts[factor].bound) {
                return false;
            }
            facts[factor].bound = wanted;
            return true;
        };
        if (!rescale(product->right, left)) rescale(product->left, right);
    }
}

}  // namespace polyformer::compile
