#include "polyformer/trainer/conversion/vision_export.h"

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "polyformer/model/builders/vision_grid.h"
#include "polyformer/support/error.h"
#include "polyformer/trainer/conversion/export_parts.h"

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

// BatchNorm2d over heads: each head's factor, (H).
Tensor head_scale(const VisionLayerImpl& layer) {
    const auto& norm = *layer.score_norm;
    return norm.weight * (norm.running_var + norm.options.eps()).rsqrt();
}

// Relative positions and the shift of a BatchNorm2d over heads, (H, W, W); undefined without either.
Tensor scores_bias(const VisionLayerImpl& layer) {
    const Tensor bias = layer.score_bias();
    if (layer.score_norm.is_empty()) return bias;
    const Tensor shift = layer.score_norm->bias - layer.score_norm->running_mean * head_scale(layer);
    const std::int64_t window = layer.shape.tokens();
    const Tensor shifts = shift.view({-1, 1, 1}).expand({layer.heads, window, window});
    return bias.defined() ? bias + shifts : shifts;
}

// Which window each token of the graph belongs to, and its place in there: windows and places row by row, as the
// network has them.
struct TokenPlaces {
    Tensor window;  // (T)
    Tensor place;   // (T)
};

TokenPlaces places_of(const WindowShape& shape, const std::vector<std::size_t>& order) {
    std::vector<std::int64_t> places(order.begin(), order.end());
    const Tensor place = torch::tensor(places);
    const Tensor row = torch::div(place, shape.columns, "floor");
    const Tensor column = place.remainder(shape.columns);
    const Tensor window = torch::div(row, shape.height, "floor") * (shape.columns / shape.width) +
                          torch::div(column, shape.width, "floor");
    return {window, row.remainder(shape.height) * shape.width + column.remainder(shape.width)};
}

// What multiplies σ of the scores, and what is added to them, in the order of the graph's tokens.
void export_windows(const VisionLayerImpl& layer, const TokenPlaces& tokens, model::VisionLayerWeights& weights) {
    const std::int64_t window = layer.shape.tokens();
    const std::int64_t windows = layer.shape.windows();
    const Tensor weighted = layer.attention->weighted_mask(layer.mask);                    // (windows, H, W, W)
    const Tensor key = tokens.place.view({windows, window}).repeat_interleave(window, 0);  // (T, W)
    const Tensor mask = weighted.permute({0, 2, 3, 1})
                            .index({tokens.window.unsqueeze(1), tokens.place.unsqueeze(1), key})  // (T, W, H)
                            .permute({2, 0, 1});
    weights.mask = matrix_of(mask.reshape({layer.heads * windows * window, window}));
    if (const Tensor bias = scores_bias(layer); bias.defined()) {
        const Tensor first = tokens.place.slice(0, 0, window);  // every window's order is that of the first
        weights.score_bias =
            matrix_of(bias.index_select(1, first).index_select(2, first).reshape({layer.heads * window, window}));
    }
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
    if (!layer.score_norm.is_empty()) weights.head_scale = floats_of(head_scale(layer));
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
        for (std::size_t l = 0; l < stage.layers; ++l)
            exported.layers.push_back(layer_weights(*model.layers[number++]));
    }
    number = 0;
    for (std::size_t s = 0; s < weights.stages.size(); ++s) {
        const std::vector<std::size_t> order = model::stage_order(weights, s);
        for (model::VisionLayerWeights& exported : weights.stages[s].layers) {
            const VisionLayerImpl& layer = *model.layers[number++];
            export_windows(layer, places_of(layer.shape, order), exported);
        }
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
