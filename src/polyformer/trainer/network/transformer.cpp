#include "polyformer/trainer/network/transformer.h"

#include <cstdint>

#include "polyformer/support/error.h"
#include "polyformer/trainer/network/initialisation.h"
#include "polyformer/trainer/sites/penalties.h"

namespace polyformer::train {
namespace {

using torch::Tensor;

std::int64_t signed_size(std::size_t size) {
    return static_cast<std::int64_t>(size);
}

}  // namespace

LayerImpl::LayerImpl(const Architecture& architecture) {
    const std::int64_t width = signed_size(architecture.width);
    const std::int64_t feed_forward = signed_size(architecture.feed_forward);
    attention_norm = register_module("attention_norm", make_norm(architecture.norm, width));
    query_key_value = register_module("query_key_value", torch::nn::Linear(width, 3 * width));
    output = register_module("output", torch::nn::Linear(width, width));
    attention = make_attention(architecture);
    // Most forms have no parameters; models of these are saved as if there were no module.
    if (!attention->parameters().empty()) register_module("attention", attention);
    feed_forward_norm = register_module("feed_forward_norm", make_norm(architecture.norm, width));
    up = register_module("up", torch::nn::Linear(width, feed_forward));
    down = register_module("down", torch::nn::Linear(feed_forward, width));
    const double residual_gain = residual_stream_gain(architecture.layers);
    initialise(query_key_value, 1);
    if (architecture.attention.form == "pointwise") {
        initialise_scores(query_key_value, architecture.heads, architecture.attention);
    }
    initialise(output, residual_gain);
    initialise(up, 1);
    initialise(down, residual_gain);
}

TransformerImpl::TransformerImpl(const Architecture& shape) : architecture(shape) {
    const std::int64_t width = signed_size(shape.width);
    const std::int64_t context = signed_size(shape.context);
    tokens = register_module("tokens", torch::nn::Embedding(signed_size(shape.vocabulary), width));
    positions = register_module("positions", torch::nn::Embedding(context, width));
    torch::nn::init::normal_(tokens->weight, 0, 0.1);
    torch::nn::init::normal_(positions->weight, 0, 0.02);

    const auto add_norm_site = [&](const std::shared_ptr<Norm>& norm, const std::string& name) {
        if (norm->has_site()) {
            sites.push_back({.name = name + ".inverse_sqrt", .kind = SiteKind::variance, .function = "inverse_sqrt"});
        }
    };
    for (std::size_t i = 0; i < shape.layers; ++i) {
        const std::string name = fmt::format("layers.{}", i);
        Layer& layer = layers.emplace_back(register_module(fmt::format("layer_{}", i), Layer(shape)));
        add_norm_site(layer->attention_norm, name + ".attention_norm");
        sites.push_back({.name = name + ".attention.activation",
                         .kind = SiteKind::scores,
                         .function = layer->attention->function()});
        add_norm_site(layer->feed_forward_norm, name + ".feed_forward_norm");
        sites.push_back(
            {.name = name + ".feed_forward.activation", .kind = SiteKind::hidden, .function = shape.activation});
    }
    final_norm = register_module("final_norm", make_norm(shape.norm, width));
    add_norm_site(final_norm, "final_norm");
    mask = register_buffer("mask", torch::ones({context, context}).tril());
}

Tensor TransformerImpl::forward(const Tensor& ids, std::vector<Tensor>* site_inputs) {
    const std::int64_t batch = ids.size(0);
    const std::int64_t length = ids.size(1);
    const std::int64_t width = signed_size(architecture.width);
    const std::int64_t heads = signed_size(architecture.heads);
    require(length <= signed_size(architecture.context), "{} tokens are more than the context of {}", length,
            architecture.context);
    const bool drop = is_training() && dropout > 0;
    const auto thin = [&](const Tensor& x) { return drop ? torch::dropout(x, dropout, true) : x; };
    const Tensor seen = mask.slice(0, 0, length).slice(1, 0, length);  // (T, T)

    SiteVisitor site(sites, polynomials, is_training() || clamped, site_inputs);
    Tensor x = thin(tokens->forward(ids) + positions->weight.slice(0, 0, length));  // (B, T, C)
    for (Layer& layer : layers) {
        const Tensor qkv = layer->query_key_value->forward(layer->attention_norm->forward(x, site))
                               .view({batch, length, 3, heads, width / heads})
                               .permute({2, 0, 3, 1, 4});  // (3, B, H, T, d_k)
        const Tensor scores =
            torch::matmul(qkv[0] * layer->attention->score_scale(), qkv[1].transpose(-2, -1));         // (B, H, T, T)
        const Tensor attended = torch::matmul(layer->attention->weights(scores, seen, site), qkv[2]);  // (B, H, T, d_k)
        x = x + thin(layer->output->forward(attended.transpose(1, 2).reshape({batch, length, width})));
        const Tensor hidden = layer->up->forward(layer->feed_forward_norm->forward(x, site));  // (B, T, F)
        x = x + thin(layer->down->forward(site.apply(hidden)));
    }
    return torch::matmul(final_norm->forward(x, site), tokens->weight.t());  // (B, T, V)
}

Tensor TransformerImpl::weights_penalty() const {
    if (sites.front().kind != SiteKind::variance) return Network::weights_penalty();
    return embedding_penalty(sites.front(), tokens->weight, positions->weight, architecture.norm == "layer_norm");
}

}  // namespace polyformer::train
