#include "polyformer/model/builders/function_nodes.h"

#include <utility>
#include <vector>

#include "polyformer/model/builders/folding.h"

namespace polyformer::model {

NodeId append_function(Graph& graph, std::string name, NodeId input, std::string function) {
    const Polynomial placeholder{.lower = -1, .upper = 1, .coefficients = {0}};
    return append(graph, std::move(name), Apply{input, placeholder, std::move(function)});
}

namespace {

/// σ(score + shift) for every query and key.
NodeId append_weights(Graph& graph, const std::string& name, const SoftmaxInputs& inputs, LinearWeights by,
                      std::string function) {
    const NodeId scores = append(graph, name + ".scores",
                                 AttentionScores{.query = inputs.query,
                                                 .key = inputs.key,
                                                 .heads = inputs.heads,
                                                 .scale = inputs.scale,
                                                 .key_heads = inputs.key_heads});
    const NodeId shift = append_linear(graph, name + ".shift", inputs.stream, std::move(by));
    const NodeId shifted = append(graph, name + ".shifted", ShiftScores{scores, shift});
    return append_function(graph, name + ".weights", shifted, std::move(function));
}

NodeId append_values(Graph& graph, const std::string& name, const SoftmaxInputs& inputs, NodeId weights,
                     bool averages) {
    return append(graph, name + ".values",
                  AttentionValues{.scores = weights,
                                  .value = inputs.value,
                                  .heads = inputs.heads,
                                  .causal = inputs.causal,
                                  .mask = {},
                                  .value_heads = inputs.key_heads,
                                  .averages = averages});
}

}  // namespace

NodeId append_softmax(Graph& graph, const std::string& name, const SoftmaxInputs& inputs) {
    const std::size_t heads = inputs.heads;
    LinearWeights no_shift{{inputs.width, heads, std::vector<float>(inputs.width * heads)}, std::vector<float>(heads)};
    const NodeId weights = append_weights(graph, name, inputs, std::move(no_shift), "exp");
    const NodeId values = append_values(graph, name, inputs, weights, false);
    const NodeId sums = append(graph, name + ".sums",
                               AttentionSums{.scores = weights, .heads = heads, .causal = inputs.causal, .mask = {}});
    const NodeId inverse = append_function(graph, name + ".inverse", sums, "reciprocal");
    return append(graph, name + ".mixed", Multiply{values, inverse});
}

NodeId append_pointwise(Graph& graph, const std::string& name, const SoftmaxInputs& inputs, LinearWeights shift,
                        const std::string& function) {
    const NodeId weights = append_weights(graph, name, inputs, std::move(shift), function);
    return append_values(graph, name, inputs, weights, true);
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
