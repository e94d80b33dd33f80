#include "polyformer/model/builders/random_model.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "polyformer/model/builders/random_weights.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

namespace {

/// 1/√L, and from head to head less of what is further away: e^(−distance·h/4) of head h.
Matrix causal_mask(std::size_t heads, std::size_t context) {
    Matrix mask{heads * context, context, std::vector<float>(heads * context * context)};
    for (std::size_t row = 0; row < mask.rows; ++row) {
        const std::size_t query = row % context;
        const std::size_t head = row / context;
        const double slope = static_cast<double>(head) / 4;
        for (std::size_t key = 0; key <= query; ++key) {
            mask.values[row * context + key] = static_cast<float>(std::exp(-slope * static_cast<double>(query - key)) /
                                                                  std::sqrt(static_cast<double>(query + 1)));
        }
    }
    return mask;
}

TransformerWeights random_weights(const RandomModelOptions& options) {
    Sampler sampler(options.seed);
    const std::size_t width = options.width;
    const double residual_gain = 1 / std::sqrt(2 * static_cast<double>(options.layers));  // as GPT-2 does
    TransformerWeights weights;
    weights.heads = options.heads;
    weights.norm = options.norm;
    weights.attention_function = options.attention_function;
    weights.feed_forward_function = options.feed_forward_function;
    weights.score_scale = 1 / std::sqrt(static_cast<double>(width) / static_cast<double>(options.heads));
    weights.tokens = sampler.matrix(options.vocabulary, width, 1);
    weights.positions = sampler.matrix(options.context, width, 0.5);
    for (std::size_t i = 0; i < options.layers; ++i) {
        weights.layers.push_back({.attention_norm = sampler.norm(width),
                                  .query = sampler.linear(width, width),
                                  .key = sampler.linear(width, width),
                                  .value = sampler.linear(width, width),
                                  .output = sampler.linear(width, width, residual_gain),
                                  .mask = causal_mask(options.heads, options.context),
                                  .feed_forward_norm = sampler.norm(width),
                                  .up = sampler.linear(width, options.feed_forward),
                                  .down = sampler.linear(options.feed_forward, width, residual_gain)});
    }
    weights.final_norm = sampler.norm(width);
    weights.logits = sampler.linear(width, options.vocabulary);
    return weights;
}

/// Until fit_to_samples() has seen what each polynomial is fed.
TransformerPolynomials placeholders(const RandomModelOptions& options) {
    const Polynomial constant = placeholder();
    const std::optional<Polynomial> norm =
        options.norm == NormKind::batch_norm ? std::nullopt : std::optional(constant);
    return {std::vector<LayerPolynomials>(options.layers, {norm, constant, norm, constant}), norm};
}

}  // namespace

std::vector<std::int32_t> random_tokens(std::size_t count, std::size_t vocabulary, std::uint64_t seed) {
    require(vocabulary > 0, "there are no tokens to draw from an empty vocabulary");
    std::mt19937_64 generator(seed);
    std::vector<std::int32_t> ids(count);
    std::ranges::generate(ids, [&] { return static_cast<std::int32_t>(generator() % vocabulary); });
    return ids;
}

Transformer random_model(const RandomModelOptions& options) {
    require(options.width > 0 && options.context > 0 && options.feed_forward > 0 && options.vocabulary > 0,
            "a model of width {}, context {}, feed-forward width {} and vocabulary {} cannot be: each must be above 0",
            options.width, options.context, options.feed_forward, options.vocabulary);
    Transformer model = build_transformer(random_weights(options), placeholders(options));
    std::vector<Tensor> samples;
    for (std::size_t i = 0; i < options.samples; ++i) {
        samples.push_back(
            model.embedding.embed(random_tokens(options.context, options.vocabulary, options.seed + 1 + i)));
    }
    fit_to_samples(model.graph, samples,
                   {.activation_degree = options.activation_degree,
                    .inverse_sqrt_degree = options.inverse_sqrt_degree,
                    .margin = options.margin});
    return model;
}

}  // namespace polyformer::model
