#include "polyformer/compile/analysis/uses.h"

#include <algorithm>

#include "polyformer/model/graph/visit.h"

namespace polyformer::compile {

namespace {

using model::Graph;
using model::Node;
using model::NodeId;
using model::Overloaded;

/// Whether nothing but linear maps reads a node.
std::vector<bool> read_by_maps_alone(const Graph& graph) {
    std::vector<bool> result(graph.nodes.size(), true);
    for (const Node& node : graph.nodes) {
        if (std::holds_alternative<model::Linear>(node.operation)) continue;
        for (const NodeId input : model::inputs_of(node.operation)) result[input] = false;
    }
    result.back() = false;
    return result;
}

/// Of an operand of a sum or product with another one.
Role role_beside(const std::vector<NodeFacts>& facts, NodeId operand, NodeId other) {
    return facts[operand].shape.features < facts[other].shape.features ? Role::factor : Role::elementwise;
}

/// Whether the node can be stored with several constants, a shift among them, without a level.
bool takes_any_constants(const Node& node) {
    return std::holds_alternative<model::Linear>(node.operation) ||
           std::holds_alternative<model::FeatureMean>(node.operation) ||
           std::holds_alternative<model::MixTokens>(node.operation) ||
           std::holds_alternative<model::AttentionSums>(node.operation);
}

/// Terms of sums that polynomials read: brought to the Chebyshev variable on their own, they save the sum a level.
void find_terms(const Graph& graph, std::vector<NodeFacts>& facts) {
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        const auto* add = std::get_if<model::Add>(&graph.nodes[id].operation);
        const auto wants_constants = [](const Use& use) { return use.role == Role::polynomial; };
        if (add == nullptr || std::ranges::none_of(facts[id].uses, wants_constants)) continue;
        for (const NodeId term : {add->left, add->right}) {
            std::vector<Use>& uses = facts[term].uses;
            if (takes_any_constants(graph.nodes[term]) && uses.size() == 1 && uses[0].role == Role::elementwise) {
                uses[0].role = Role::term;
            }
        }
    }
}

}  // namespace

void find_uses(const Graph& graph, std::vector<NodeFacts>& facts) {
    const std::vector<bool> maps_alone = read_by_maps_alone(graph);
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        const auto use = [&](NodeId input, Role role) { facts[input].uses.push_back({id, role}); };
        std::visit(
            Overloaded{[](const model::Input&) {},
                       [&](const model::Linear& linear) { use(linear.input, Role::linear); },
                       [&](const model::FeatureMean& mean) { use(mean.input, Role::linear); },
                       [&](const model::ScaleFeatures& scale) {
                           const bool alike = same_scale(scale).has_value();
                           facts[id].absorbed = !alike && maps_alone[id];
                           use(scale.input, alike ? Role::renamed : facts[id].absorbed ? Role::linear : Role::mixed);
                       },
                       [&](const model::Centre& centre) { use(centre.input, Role::elementwise); },
                       [&](const model::Apply& apply) { use(apply.input, Role::polynomial); },
                       [&](const model::AddConstant& sum) { use(sum.input, Role::elementwise); },
                       [&](const model::RotateFeatures& turn) { use(turn.input, Role::mixed); },
                       [&](const model::MixTokens& mix) { use(mix.input, Role::mixed); },
                       [&](const model::MergeTokens& merge) { use(merge.input, Role::linear); },
                       [&](const model::TokenMean& mean) { use(mean.input, Role::linear); },
                       [&](const model::SelectToken& select) { use(select.input, Role::linear); },
                       [&](const model::AttentionScores& scores) {
                           use(scores.query, Role::query);
                           use(scores.key, Role::key);
                       },
                       [&](const model::ShiftScores& shift) {
                           use(shift.scores, Role::elementwise);
                           use(shift.shift, Role::shift);
                       },
                       [&](const model::AttentionSums& sums) { use(sums.scores, Role::attention); },
                       [&](const model::AttentionValues& values) {
                           use(values.scores, Role::attention);
                           use(values.value, Role::value);
                       },
                       [&](const model::Add& sum) {
                           use(sum.left, role_beside(facts, sum.left, sum.right));
                           use(sum.right, role_beside(facts, sum.right, sum.left));
                       },
                       [&](const model::Multiply& product) {
                           use(product.left, role_beside(facts, product.left, product.right));
                           use(product.right, role_beside(facts, product.right, product.left));
                       }},
            graph.nodes[id].operation);
    }
    facts.back().is_output = true;
    find_terms(graph, facts);
}

}  // namespace polyformer::compile
