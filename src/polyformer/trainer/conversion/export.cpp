#include "polyformer/trainer/conversion/export.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "polyformer/support/error.h"
#include "polyformer/trainer/conversion/export_parts.h"

namespace polyformer::train {
namespace {

using torch::Tensor;

model::NormKind kind_of(const std::string& norm) {
    if (norm == "layer_norm") return model::NormKind::layer_norm;
    if (norm == "rms_norm") return model::NormKind::rms_norm;
    require(norm == "batch_norm", "graphs know no norm '{}'", norm);
    return model::NormKind::batch_norm;
}

}  // namespace

model::TransformerWeights export_weights(const TransformerImpl& model) {
    const Architecture& architecture = model.architecture;
    model::TransformerWeights weights;
    weights.heads = architecture.heads;
    weights.norm = kind_of(architecture.norm);
    weights.attention_function = architecture.attention.function;
    weights.feed_forward_function = architecture.activation;
    weights.score_scale = model.layers.front()->attention->score_scale();
    weights.tokens = matrix_of(model.tokens->weight);
    weights.positions = matrix_of(model.positions->weight);
    for (const Layer& layer : model.layers) {
        const std::vector<Tensor> qkv = layer->query_key_value->weight.chunk(3, 0);
        const std::vector<Tensor> qkv_bias = layer->query_key_value->bias.chunk(3, 0);
        weights.layers.push_back({.attention_norm = norm_of(*layer->attention_norm),
                                  .query = linear_of(qkv[0], qkv_bias[0]),
                                  .key = linear_of(qkv[1], qkv_bias[1]),
                                  .value = linear_of(qkv[2], qkv_bias[2]),
                                  .output = linear_of(layer->output->weight, layer->output->bias),
                                  .mask = matrix_of(layer->attention->weighted_mask(model.mask).flatten(0, 1)),
                                  .feed_forward_norm = norm_of(*layer->feed_forward_norm),
                                  .up = linear_of(layer->up->weight, layer->up->bias),
                                  .down = linear_of(layer->down->weight, layer->down->bias)});
    }
    weights.final_norm = norm_of(*model.final_norm);
    weights.logits = {matrix_of(model.tokens->weight.t()), {}};
    return weights;
}

model::TransformerPolynomials export_polynomials(const TransformerImpl& model) {
    const std::map<std::string, model::Polynomial> by_name = polynomials_of(model);
    const auto if_there = [&](const std::string& name) -> std::optional<model::Polynomial> {
        const auto found = by_name.find(name);
        return found == by_name.end() ? std::nullopt : std::optional(found->second);
    };
    model::TransformerPolynomials polynomials;
    for (std::size_t i = 0; i < model.layers.size(); ++i) {
        const std::string layer = fmt::format("layers.{}.", i);
        polynomials.layers.push_back({.attention_norm = if_there(layer + "attention_norm.inverse_sqrt"),
                                      .attention = by_name.at(layer + "attention.activation"),
                                      .feed_forward_norm = if_there(layer + "feed_forward_norm.inverse_sqrt"),
                                      .feed_forward = by_name.at(layer + "feed_forward.activation")});
    }
    polynomials.final_norm = if_there("final_norm.inverse_sqrt");
    return polynomials;
}

}  // namespace polyformer::train
