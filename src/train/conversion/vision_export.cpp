#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "support/error.h"
#include "train/conversion/export.h"
#include "train/conversion/export_parts.h"

namespace polyformer::train {
namespace {

using torch::Tensor;

// The kernel (9, width); of x + norm(local(x)) the norm's affine part is in the kernel and its bias.
void export_local(const VisionLayerImpl& layer, model::VisionLayerWeights& weights) {
    if (layer.local.is_empty()) return;
    const Tensor kernels = layer.local->weight.flatten(1).t();
    if (layer.local_is_hidden) {
        weights.hidden_local = matrix_of(kernels);
        return;
    }
    weights.local = matrix_of(kernels * layer.local_norm->scale());
    weights.local_bias = floats_of(layer.local_norm->shift());
}

// BatchNorm2d over heads: head h's scores times scale[h], plus shift[h], which joins relative positions.
void export_scores(const VisionLayerImpl& layer, model::VisionLayerWeights& weights) {
    const std::int64_t window = layer.shape.tokens();
    Tensor bias = layer.score_bias();
    if (!layer.score_norm.is_empty()) {
        const auto& norm = *layer.score_norm;
        const Tensor scale = norm.weight * (norm.running_var + norm.options.eps()).rsqrt();
        const Tensor shift = norm.bias - norm.running_mean * scale;
        weights.head_scale = floats_of(scale);
        const Tensor shifts = shift.view({-1, 1, 1}).expand({layer.heads, window, window});
        bias = bias.defined() ? bias + shifts : shifts;
    }
    if (bias.defined()) weights.score_bias = matrix_of(bias.reshape({layer.heads * window, window}));
}

// What multiplies σ of the scores, (heads·T, W): windows row by row, and in each its tokens row by row.
model::Matrix mask_of(const VisionLayerImpl& layer) {
    const std::int64_t window = layer.shape.tokens();
    const Tensor weighted = layer.attention->weighted_mask(layer.mask);  // (windows, H, W, W)
    return matrix_of(weighted.transpose(0, 1).reshape({layer.heads * layer.shape.windows() * window, window}));
}

model::VisionLayerWeights layer_weights(const VisionLayerImpl& layer) {
    const std::vector<Tensor> qkv = layer.query_key_value->weight.chunk(3, 0);
    const std::vector<Tensor> qkv_bias = layer.query_key_value->bias.chunk(3, 0);
    model::VisionLayerWeights weights;
    export_local(layer, weights);
    weights.attention_norm = norm_of(*layer.attention_norm);
    weights.query = linear_of(qkv[0], qkv_bias[0]);
    weights.key = linear_of(qkv[1], qkv_bias[1]);
    weights.value = linear_of(qkv[2], qkv_bias[2]);
    weights.output = linear_of(layer.output->weight, layer.output->bias);
    weights.score_scale = layer.attention->score_scale();
    export_scores(layer, weights);
    weights.mask = mask_of(layer);
    weights.feed_forward_norm = norm_of(*layer.feed_forward_norm);
    weights.up = linear_of(layer.up->weight, layer.up->bias);
    if (layer.hidden_norm) weights.hidden_norm = norm_of(*layer.hidden_norm);
    weights.down = linear_of(layer.down->weight, layer.down->bias);
    weights.shift = static_cast<std::size_t>(layer.shape.shift);
    return weights;
}

}  // namespace

model::VisionWeights export_weights(const VisionNetworkImpl& model) {
    const torch::NoGradGuard no_gradients;
    const VisionArchitecture& architecture = model.architecture;
    const std::string obstacle = model.obstacle();
    require(obstacle.empty(), "{}", obstacle);
    model::VisionWeights weights;
    weights.attention_function = architecture.attention.function;
    weights.feed_forward_function = architecture.activation;
    weights.patches = linear_of(model.patches->weight.flatten(1), model.patches->bias);
    if (model.positions.defined()) weights.positions = matrix_of(model.positions.flatten(0, 1));
    std::size_t number = 0;
    for (std::size_t s = 0; s < architecture.stages.size(); ++s) {
        const VisionStage& stage = architecture.stages[s];
        model::VisionStageWeights& exported = weights.stages.emplace_back();
        exported.rows = architecture.rows(s);
        exported.columns = architecture.columns(s);
        exported.window = stage.window;
        exported.heads = stage.heads;
        if (s > 0) {
            exported.merge_norm = norm_of(*model.merge_norms[s - 1]);
            exported.merge = linear_of(model.merges[s - 1]->weight, model.merges[s - 1]->bias);
        }
        for (std::size_t l = 0; l < stage.layers; ++l) exported.layers.push_back(layer_weights(*model.layers[number++]));
    }
    weights.final_norm = norm_of(*model.final_norm);
    weights.classes = linear_of(model.classes->weight, model.classes->bias);
    return weights;
}

model::VisionPolynomials export_polynomials(const VisionNetworkImpl& model) {
    const std::map<std::string, model::Polynomial> by_name = polynomials_of(model);
    model::VisionPolynomials polynomials;
    for (std::size_t i = 0; i < model.layers.size(); ++i) {
        polynomials.attention.push_back(by_name.at(fmt::format("layers.{}.attention.activation", i)));
        polynomials.feed_forward.push_back(by_name.at(fmt::format("layers.{}.feed_forward.activation", i)));
    }
    return polynomials;
}

}  // namespace polyformer::train
