#include "train/conversion/export.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "support/error.h"

namespace polyformer::train {
namespace {

using torch::Tensor;

std::vector<float> floats_of(const Tensor& tensor) {
    const Tensor flat = tensor.detach().to(torch::kCPU, torch::kFloat32).contiguous();
    return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

model::Matrix matrix_of(const Tensor& tensor) {
    return {static_cast<std::size_t>(tensor.size(0)), static_cast<std::size_t>(tensor.size(1)), floats_of(tensor)};
}

// LibTorch keeps (C_out, C_in).
model::LinearWeights linear_of(const Tensor& weight, const Tensor& bias) {
    return {matrix_of(weight.t()), floats_of(bias)};
}

model::NormWeights norm_of(const Norm& norm) {
    return {floats_of(norm.scale()), floats_of(norm.shift())};
}

model::NormKind kind_of(const std::string& norm) {
    if (norm == "layer_norm") return model::NormKind::layer_norm;
    if (norm == "rms_norm") return model::NormKind::rms_norm;
    require(norm == "batch_norm", "graphs know no norm '{}'", norm);
    return model::NormKind::batch_norm;
}

}  // namespace

model::TransformerWeights export_weights(const Transformer& model) {
    const Architecture& architecture = model->architecture;
    model::TransformerWeights weights;
    weights.heads = architecture.heads;
    weights.norm = kind_of(architecture.norm);
    weights.attention_function = architecture.attention.function;
    weights.feed_forward_function = architecture.activation;
    weights.score_scale = model->layers.front()->attention->score_scale();
    weights.tokens = matrix_of(model->tokens->weight);
    weights.positions = matrix_of(model->positions->weight);
    for (const Layer& layer : model->layers) {
        const std::vector<Tensor> qkv = layer->query_key_value->weight.chunk(3, 0);
        const std::vector<Tensor> qkv_bias = layer->query_key_value->bias.chunk(3, 0);
        weights.layers.push_back({.attention_norm = norm_of(*layer->attention_norm),
                                  .query = linear_of(qkv[0], qkv_bias[0]),
                                  .key = linear_of(qkv[1], qkv_bias[1]),
                                  .value = linear_of(qkv[2], qkv_bias[2]),
                                  .output = linear_of(layer->output->weight, layer->output->bias),
                                  .mask = matrix_of(layer->attention->weighted_mask(model->mask).flatten(0, 1)),
                                  .feed_forward_norm = norm_of(*layer->feed_forward_norm),
                                  .up = linear_of(layer->up->weight, layer->up->bias),
                                  .down = linear_of(layer->down->weight, layer->down->bias)});
    }
    weights.final_norm = norm_of(*model->final_norm);
    weights.logits = {matrix_of(model->tokens->weight.t()), {}};
    return weights;
}

model::TransformerPolynomials export_polynomials(const Transformer& model) {
    std::map<std::string, model::Polynomial> by_name;
    for (const Site& site : model->sites) {
        require(site.polynomial.has_value(), "{} has no polynomial yet: convert the model first", site.name);
        by_name[site.name] = *site.polynomial;
    }
    const auto if_there = [&](const std::string& name) -> std::optional<model::Polynomial> {
        const auto found = by_name.find(name);
        return found == by_name.end() ? std::nullopt : std::optional(found->second);
    };
    model::TransformerPolynomials polynomials;
    for (std::size_t i = 0; i < model->layers.size(); ++i) {
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
