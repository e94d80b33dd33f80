#include "polyformer/compile/analysis/uses.h"

#include "polyformer/model/graph/visit.h"
#include "polyformer/support/error.h"

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

}  // namespace

void find_uses(const Graph& graph, std::vector<NodeFacts>& facts) {
    const std::vector<bool> maps_alone = read_by_maps_alone(graph);
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        const auto use = [&](NodeId input, Role role) { facts[input].uses.push_back({id, role}); };
        std::visit(
            Overloaded{
                [](const model::Input&) {}, [&](const model::Linear& linear) { use(linear.input, Role::linear); },
                [&](const model::FeatureMean& mean) { use(mean.input, Role::linear); },
                [&](const model::ScaleFeatures& scale) {
                    const bool alike = same_scale(scale).has_value();
                    facts[id].absorbed = !alike && maps_alone[id];
                    use(scale.input, alike ? Role::renamed : facts[id].absorbed ? Role::linear : Role::mixed);
                },
                [&](const model::Centre& centre) { use(centre.input, Role::elementwise); },
                [&](const model::Apply& apply) { use(apply.input, Role::polynomial); },
                [&](const model::AddConstant& sum) { use(sum.input, Role::elementwise); },
                [&](const model::RotateFeatures&) {
                    fail("the compiler has no rotary positions yet: '{}' cannot be planned", graph.nodes[id].name);
                },
                [&](const model::MixTokens& mix) { use(mix.input, Role::mixed); },
                [&](const model::MergeTokens& merge) { use(merge.input, Role::linear); },
                [&](const model::TokenMean& mean) { use(mean.input, Role::linear); },
                [&](const model::SelectToken& select) { use(select.input, Role::linear); },
                [&](const model::AttentionScores& scores) {
                    require(model::key_heads_of(scores) == scores.heads,
                            "the compiler has no grouped keys yet: '{}' cannot be planned", graph.nodes[id].name);
                    use(scores.query, Role::query);
                    use(scores.key, Role::key);
                },
                [&](const model::ShiftScores& shift) {
                    use(shift.scores, Role::elementwise);
                    use(shift.shift, Role::shift);
                },
                [&](const model::AttentionSums& sums) { use(sums.scores, Role::attention); },
                [&](const model::AttentionValues& values) {
                    require(model::value_heads_of(values) == values.heads,
                            "the compiler has no grouped values yet: '{}' cannot be planned", graph.nodes[id].name);
                    use(values.scores, Role::attention);
                    use(values.value, Role::value);
                },
                [&](const model::Add& sum) {
                    require(facts[sum.left].shape == facts[sum.right].shape,
                            "the compiler has no sums of unequal features yet: '{}' cannot be planned",
                            graph.nodes[id].name);
                    use(sum.left, Role::elementwise);
                    use(sum.right, Role::elementwise);
                },
                [&](const model::Multiply& product) {
                    const auto role = [&](NodeId operand, NodeId other) {
                        const bool fewer = facts[operand].shape.features < facts[other].shape.features;
                        return fewer ? Role::factor : Role::elementwise;
                    };
                    use(product.left, role(product.left, product.right));
                    use(product.right, role(product.right, product.left));
                }},
            graph.nodes[id].operation);
    }
    facts.back().is_output = true;
}

}  // namespace polyformer::compile
