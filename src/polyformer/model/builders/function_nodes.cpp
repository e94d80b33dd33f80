#include "polyformer/model/builders/function_nodes.h"

#include <utility>
#include <vector>

#include "polyformer/model/builders/folding.h"

namespace polyformer::model {

NodeId append_function(Graph& graph, std::string name, NodeId input, std::string function) {
    const Polynomial placeholder{.lower = -1, .upper = 1, .coefficients = {0}};
    return append(graph, std::move(name), Apply{input, placeholder, std::move(function)});
}

NodeId append_softmax(Graph& graph, const std::string& name, const SoftmaxInputs& inputs) {
    const std::size_t heads = inputs.heads;
    const LinearWeights no_shift{{inputs.width, heads, std::vector<float>(inputs.width * heads)},
                                 std::vector<float>(heads)};
    const NodeId scores = append(graph, name + ".scores",
                                 AttentionScores{.query = inputs.query,
                                                 .key = inputs.key,
                                                 .heads = heads,
                                                 .scale = inputs.scale,
                                                 .key_heads = inputs.key_heads});
    const NodeId shift = append_linear(graph, name + ".shift", inputs.stream, no_shift);
    const NodeId shifted = append(graph, name + ".shifted", ShiftScores{scores, shift});
    const NodeId weights = append_function(graph, name + ".weights", shifted, "exp");
    const NodeId values = append(graph, name + ".values",
                                 AttentionValues{.scores = weights,
                                                 .value = inputs.value,
                                                 .heads = heads,
                                                 .causal = inputs.causal,
                                                 .mask = {},
                                                 .value_heads = inputs.key_heads});
    const NodeId sums = append(graph, name + ".sums",
                               AttentionSums{.scores = weights, .heads = heads, .causal = inputs.causal, .mask = {}});
    const NodeId inverse = append_function(graph, name + ".inverse", sums, "reciprocal");
    return append(graph, name + ".mixed", Multiply{values, inverse});
}

NodeId append_norm(Graph& graph, const std::string& name, NodeId x, double epsilon) {
    const NodeId square = append(graph, name + ".square", Multiply{x, x});
    const NodeId variance = append(graph, name + ".variance", FeatureMean{square});
    const NodeId shifted =
        append(graph, name + ".shifted_variance", ScaleFeatures{variance, {1}, {static_cast<float>(epsilon)}});
    const NodeId scale = append_function(graph, name + ".inverse_sqrt", shifted, "inverse_sqrt");
    return append(graph, name + ".output", Multiply{x, scale});
}

}  // namespace polyformer::model
