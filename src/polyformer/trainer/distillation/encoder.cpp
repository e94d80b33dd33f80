#include "polyformer/trainer/distillation/encoder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "polyformer/support/error.h"
#include "polyformer/trainer/conversion/export_parts.h"

namespace polyformer::train {
namespace {

using torch::Tensor;

constexpr std::array activations = {"gelu", "gelu_tanh", "relu", "silu", "tanh"};

std::int64_t signed_size(std::size_t size) {
    return static_cast<std::int64_t>(size);
}

/// Refers to the values.
Tensor tensor_of(const std::vector<float>& values, std::vector<std::int64_t> shape) {
    return torch::from_blob(const_cast<float*>(values.data()), shape);
}

Tensor tensor_of(const model::Matrix& matrix) {
    return tensor_of(matrix.values, {signed_size(matrix.rows), signed_size(matrix.columns)});
}

torch::nn::Linear linear_from(const model::LinearWeights& weights) {
    const torch::NoGradGuard no_gradients;
    torch::nn::Linear linear(signed_size(weights.weight.rows), signed_size(weights.weight.columns));
    linear->weight.copy_(tensor_of(weights.weight).t());
    linear->bias.copy_(tensor_of(weights.bias, {linear->bias.size(0)}));
    return linear;
}

torch::nn::LayerNorm norm_from(const model::NormWeights& weights, double epsilon) {
    const torch::NoGradGuard no_gradients;
    const std::int64_t width = signed_size(weights.gamma.size());
    torch::nn::LayerNorm norm(torch::nn::LayerNormOptions({width}).eps(epsilon));
    norm->weight.copy_(tensor_of(weights.gamma, {width}));
    norm->bias.copy_(tensor_of(weights.beta, {width}));
    return norm;
}

model::LinearWeights weights_of(const torch::nn::Linear& linear) {
    return linear_of(linear->weight, linear->bias);
}

model::NormWeights weights_of(const torch::nn::LayerNorm& norm) {
    return {floats_of(norm->weight), floats_of(norm->bias)};
}

/// What the norm divides by the root of, of tokens alone: (1, N, 1).
Tensor variances(const Tensor& x, const Tensor& seen, double epsilon) {
    return (x.index({seen}).var(-1, false, true) + epsilon).unsqueeze(0);
}

}  // namespace

EncoderLayerImpl::EncoderLayerImpl(const model::EncoderShape& shape, const model::EncoderLayer& weights,
                                   const std::string& attention_function) {
    query = register_module("query", linear_from(weights.query));
    key = register_module("key", linear_from(weights.key));
    value = register_module("value", linear_from(weights.value));
    output = register_module("output", linear_from(weights.output));
    attention_norm = register_module("attention_norm", norm_from(weights.attention_norm, shape.epsilon));
    up = register_module("up", linear_from(weights.up));
    down = register_module("down", linear_from(weights.down));
    feed_forward_norm = register_module("feed_forward_norm", norm_from(weights.feed_forward_norm, shape.epsilon));
    if (attention_function.empty()) return;
    const model::LinearWeights none{{shape.width, shape.heads, std::vector<float>(shape.width * shape.heads)},
                                    std::vector<float>(shape.heads)};
    shift = register_module("shift", linear_from(weights.shift.bias.empty() ? none : weights.shift));
}

EncoderImpl::EncoderImpl(std::shared_ptr<const model::EncoderCheckpoint> checkpoint, const std::string& attention)
    : checkpoint_(std::move(checkpoint)), attention_function_(attention == "softmax" ? "" : attention) {
    const model::EncoderShape& shape = checkpoint_->shape;
    require(std::ranges::find(activations, shape.activation) != activations.end(),
            "the activation is '{}', but encoders are trained on with {} only", shape.activation,
            fmt::join(activations, ", "));
    const model::EncoderWeights& weights = checkpoint_->weights;
    tokens_ = tensor_of(weights.tokens);
    positions_ = tensor_of(weights.positions);
    gamma_ = tensor_of(weights.embedding_norm.gamma, {signed_size(shape.width)});
    beta_ = tensor_of(weights.embedding_norm.beta, {signed_size(shape.width)});
    for (std::size_t i = 0; i < weights.layers.size(); ++i) {
        const std::string name = fmt::format("layers.{}.", i);
        layers.push_back(
            register_module(fmt::format("layer_{}", i), EncoderLayer(shape, weights.layers[i], attention_function_)));
        sites.push_back({.name = name + "attention.weights", .kind = SiteKind::scores, .function = attention});
        sites.push_back(
            {.name = name + "attention_norm.inverse_sqrt", .kind = SiteKind::variance, .function = "inverse_sqrt"});
        sites.push_back(
            {.name = name + "feed_forward.activation", .kind = SiteKind::hidden, .function = shape.activation});
        sites.push_back(
            {.name = name + "feed_forward_norm.inverse_sqrt", .kind = SiteKind::variance, .function = "inverse_sqrt"});
    }
}

Tensor EncoderImpl::embed(const Tensor& ids) {
    for (Tensor* table : {&tokens_, &positions_, &gamma_, &beta_}) *table = table->to(ids.device());
    const std::int64_t length = ids.size(1);
    require(length <= positions_.size(0), "{} tokens are more than the encoder's {} positions", length,
            positions_.size(0));
    const std::int64_t width = tokens_.size(1);
    const Tensor rows = tokens_.index_select(0, ids.clamp_min(0).flatten()).view({ids.size(0), length, width});
    return torch::layer_norm(rows + positions_.slice(0, 0, length), {width}, gamma_, beta_, checkpoint_->shape.epsilon);
}

Tensor EncoderImpl::split_heads(const Tensor& x) const {
    const std::int64_t heads = signed_size(checkpoint_->shape.heads);
    return x.view({x.size(0), x.size(1), heads, x.size(2) / heads}).transpose(1, 2);  // (B, H, T, d_k)
}

Tensor EncoderImpl::scores(std::size_t layer, const Tensor& x) {
    const Tensor query = split_heads(layers[layer]->query->forward(x));
    const Tensor key = split_heads(layers[layer]->key->forward(x));
    return torch::matmul(query / std::sqrt(static_cast<double>(query.size(-1))), key.transpose(-2, -1));
}

Tensor EncoderImpl::attend(std::size_t layer, const Tensor& x, const Tensor& seen, std::vector<Tensor>* site_inputs) {
    Tensor scored = scores(layer, x);
    const Tensor keys = seen.unsqueeze(1).unsqueeze(2);  // (B, 1, 1, T)
    if (!attention_function_.empty()) {
        scored = scored + layers[layer]->shift->forward(x).transpose(1, 2).unsqueeze(-1);
    }
    if (site_inputs != nullptr) {
        site_inputs->push_back(scored.masked_fill(torch::logical_not(keys & keys.transpose(-2, -1)), 0));
    }
    Tensor weights;
    if (attention_function_.empty()) {
        weights = torch::softmax(scored.masked_fill(keys.logical_not(), -std::numeric_limits<float>::infinity()), -1);
    } else {
        const Tensor share = keys / keys.sum(-1, true);  // 1/L at each token
        weights = apply_function(attention_function_, scored) * share;
    }
    const Tensor mixed = torch::matmul(weights, split_heads(layers[layer]->value->forward(x)));
    return layers[layer]->output->forward(mixed.transpose(1, 2).flatten(2));
}

EncoderValues EncoderImpl::values(const Tensor& ids, std::vector<Tensor>* site_inputs) {
    if (site_inputs != nullptr) site_inputs->clear();
    const double epsilon = checkpoint_->shape.epsilon;
    EncoderValues result;
    result.seen = ids.ne(kNoToken);
    result.embedded = embed(ids);
    Tensor x = result.embedded;
    for (std::size_t i = 0; i < layers.size(); ++i) {
        EncoderLayerImpl& layer = *layers[i];
        result.attended.push_back(attend(i, x, result.seen, site_inputs));
        x = x + result.attended.back();
        if (site_inputs != nullptr) site_inputs->push_back(variances(x, result.seen, epsilon));
        x = layer.attention_norm->forward(x);
        const Tensor hidden = layer.up->forward(x);
        if (site_inputs != nullptr) site_inputs->push_back(hidden.index({result.seen}).unsqueeze(0));
        x = x + layer.down->forward(apply_function(checkpoint_->shape.activation, hidden));
        if (site_inputs != nullptr) site_inputs->push_back(variances(x, result.seen, epsilon));
        x = layer.feed_forward_norm->forward(x);
        result.hidden.push_back(x);
    }
    if (checkpoint_->pooling == model::Pooling::first) {
        result.embedding = x.select(1, 0);
    } else {
        const Tensor kept = result.seen.unsqueeze(-1);
        result.embedding = (x * kept).sum(1) / kept.sum(1);
    }
    return result;
}

Tensor EncoderImpl::forward(const Tensor& ids, std::vector<Tensor>* site_inputs) {
    return values(ids, site_inputs).embedding;
}

model::EncoderShape EncoderImpl::shape() const {
    model::EncoderShape shape = checkpoint_->shape;
    shape.attention_function = attention_function_;
    return shape;
}

model::EncoderWeights EncoderImpl::weights() const {
    model::EncoderWeights weights{.tokens = checkpoint_->weights.tokens,
                                  .positions = checkpoint_->weights.positions,
                                  .embedding_norm = checkpoint_->weights.embedding_norm,
                                  .layers = {}};
    for (const EncoderLayer& layer : layers) {
        weights.layers.push_back({.query = weights_of(layer->query),
                                  .key = weights_of(layer->key),
                                  .value = weights_of(layer->value),
                                  .output = weights_of(layer->output),
                                  .attention_norm = weights_of(layer->attention_norm),
                                  .up = weights_of(layer->up),
                                  .down = weights_of(layer->down),
                                  .feed_forward_norm = weights_of(layer->feed_forward_norm)});
        if (!layer->shift.is_empty()) weights.layers.back().shift = weights_of(layer->shift);
    }
    return weights;
}

}  // namespace polyformer::train
