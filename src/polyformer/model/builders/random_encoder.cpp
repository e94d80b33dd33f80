#include "polyformer/model/builders/random_encoder.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "polyformer/model/builders/folding.h"
#include "polyformer/model/builders/random_model.h"
#include "polyformer/model/builders/random_weights.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

namespace {

constexpr float kEpsilon = 1e-5F;
constexpr double kScoreGain = 0.6;  // keeps exponentials within what polynomials of low degree follow

/// A normalised value without its gamma and beta, and these.
struct Normalised {
    NodeId node = 0;
    std::optional<NormWeights> affine;  ///< none: they are 1 and 0
};

class Builder {
  public:
    explicit Builder(const RandomEncoderOptions& options) : options_(options), sampler_(options.seed) {
        graph_.context = options.context;
        graph_.width = options.width;
    }

    Graph build() {
        Normalised stream{append("input", Input{}), std::nullopt};
        for (std::size_t i = 0; i < options_.layers; ++i) {
            const std::string prefix = fmt::format("layers.{}.", i);
            stream = attention(stream, prefix);
            stream = feed_forward(stream, prefix);
        }
        give(stream);
        return std::move(graph_);
    }

  private:
    NodeId append(std::string name, Operation operation) {
        return model::append(graph_, std::move(name), std::move(operation));
    }

    NodeId apply(std::string name, NodeId input, const char* function) {
        return append(std::move(name), Apply{input, placeholder(), function});
    }

    /// A map of what the norm gives, gamma and beta folded in.
    NodeId map(const std::string& name, const Normalised& input, LinearWeights weights) {
        if (input.affine) weights = with_norm_before(*input.affine, weights);
        return model::append_linear(graph_, name, input.node, std::move(weights));
    }

    LinearWeights linear(std::size_t rows, std::size_t columns, double gain = 1) {
        return sampler_.linear(rows, columns, gain);
    }

    /// Its outputs have a mean of 0.
    LinearWeights centred(LinearWeights weights) const {
        const auto centre = [&](float* row) {
            const auto width = static_cast<std::ptrdiff_t>(options_.width);
            const double mean = std::accumulate(row, row + width, 0.0) / static_cast<double>(width);
            std::for_each(row, row + width, [&](float& value) { value -= static_cast<float>(mean); });
        };
        for (std::size_t i = 0; i < weights.weight.rows; ++i) centre(&weights.weight.values[i * options_.width]);
        centre(weights.bias.data());
        return weights;
    }

    Normalised attention(const Normalised& x, const std::string& layer) {
        const std::string prefix = layer + "attention.";
        const std::size_t width = options_.width;
        const std::size_t heads = options_.heads;
        const NodeId query = map(prefix + "query", x, linear(width, width, kScoreGain));
        const NodeId key = map(prefix + "key", x, linear(width, width, kScoreGain));
        const NodeId value = map(prefix + "value", x, linear(width, width));
        const double scale = 1 / std::sqrt(static_cast<double>(width) / static_cast<double>(heads));
        const NodeId scores = append(prefix + "scores", AttentionScores{query, key, heads, scale});
        LinearWeights minus_log_sum = linear(width, heads, 0.2);
        for (float& bias : minus_log_sum.bias) bias -= std::log(static_cast<float>(options_.context)) / 2;
        const NodeId shift = map(prefix + "shift", x, std::move(minus_log_sum));
        const NodeId shifted = append(prefix + "shifted", ShiftScores{scores, shift});
        const NodeId weights = apply(prefix + "weights", shifted, "exp");
        const NodeId values =
            append(prefix + "values",
                   AttentionValues{.scores = weights, .value = value, .heads = heads, .causal = false, .mask = {}});
        const NodeId sums =
            append(prefix + "sums", AttentionSums{.scores = weights, .heads = heads, .causal = false, .mask = {}});
        const NodeId inverse = apply(prefix + "inverse", sums, "reciprocal");
        const NodeId mixed = append(prefix + "mixed", Multiply{values, inverse});
        return add_and_normalise(x, {mixed, std::nullopt}, width, prefix + "output", prefix, layer + "attention_norm.");
    }

    Normalised feed_forward(const Normalised& x, const std::string& layer) {
        const std::string prefix = layer + "feed_forward.";
        const NodeId up = map(prefix + "up", x, linear(options_.width, options_.feed_forward));
        const NodeId activation = apply(prefix + "activation", up, "gelu");
        return add_and_normalise(x, {activation, std::nullopt}, options_.feed_forward, prefix + "down", prefix,
                                 layer + "feed_forward_norm.");
    }

    Normalised add_and_normalise(const Normalised& x, const Normalised& branch, std::size_t rows,
                                 const std::string& branch_name, const std::string& prefix, const std::string& norm) {
        const NodeId output = map(branch_name, branch, centred(linear(rows, options_.width)));
        NodeId stream = x.node;
        if (x.affine) stream = append(prefix + "stream", ScaleFeatures{stream, x.affine->gamma, x.affine->beta});
        stream = append(prefix + "centred", Centre{stream});
        return normalised(append(prefix + "residual", Add{stream, output}), norm);
    }

    Normalised normalised(NodeId x, const std::string& prefix) {
        const NodeId square = append(prefix + "square", Multiply{x, x});
        const NodeId variance = append(prefix + "variance", FeatureMean{square});
        const NodeId shifted = append(prefix + "shifted_variance", ScaleFeatures{variance, {1}, {kEpsilon}});
        const NodeId scale = apply(prefix + "inverse_sqrt", shifted, "inverse_sqrt");
        return {append(prefix + "output", Multiply{x, scale}), sampler_.norm(options_.width)};
    }

    void give(const Normalised& x) {
        const std::size_t width = options_.width;
        graph_.vocabulary = options_.output == EncoderOutput::embedding ? width : options_.vocabulary;
        if (options_.output == EncoderOutput::embedding) {
            const NodeId mean = append("pooling", TokenMean{x.node});
            append("embedding", ScaleFeatures{mean, x.affine->gamma, x.affine->beta});
        } else if (options_.output == EncoderOutput::classes) {
            const NodeId first = append("pooling", SelectToken{x.node, 0});
            const NodeId pooler = map("pooler", {first, x.affine}, linear(width, width));
            const NodeId activation = apply("activation", pooler, "tanh");
            map("logits", {activation, std::nullopt}, linear(width, options_.vocabulary));
        } else {
            const NodeId transform = map("transform", x, centred(linear(width, width)));
            const NodeId activation = append("centred", Centre{apply("activation", transform, "gelu")});
            map("logits", normalised(activation, "norm."), linear(width, options_.vocabulary));
        }
    }

    const RandomEncoderOptions& options_;
    Sampler sampler_;
    Graph graph_;
};

}  // namespace

Transformer random_encoder(const RandomEncoderOptions& options) {
    require(
        options.width > 0 && options.context > 0 && options.feed_forward > 0 && options.vocabulary > 0 &&
            options.heads > 0 && options.width % options.heads == 0,
        "an encoder of width {}, {} heads, context {}, feed-forward width {} and vocabulary {} cannot be: each must "
        "be above 0, and the heads divide the width",
        options.width, options.heads, options.context, options.feed_forward, options.vocabulary);
    Sampler sampler(options.seed + 1000);
    Transformer model{Builder(options).build(),
                      {.tokens = sampler.matrix(options.vocabulary, options.width, 1),
                       .positions = sampler.matrix(options.context, options.width, 0.5)}};
    std::vector<Tensor> samples;
    for (std::size_t i = 0; i < options.samples; ++i) {
        // From the context down to one token.
        const std::size_t last = std::max<std::size_t>(options.samples, 2) - 1;
        const std::size_t less = options.short_texts ? i * (options.context - 1) / last : 0;
        samples.push_back(
            model.embedding.embed(random_tokens(options.context - less, options.vocabulary, options.seed + 1 + i)));
    }
    fit_to_samples(model.graph, samples,
                   {.activation_degree = options.gelu_degree,
                    .inverse_sqrt_degree = options.inverse_sqrt_degree,
                    .exp_degree = options.exp_degree,
                    .reciprocal_degree = options.reciprocal_degree,
                    .margin = options.margin});
    return model;
}

}  // namespace polyformer::model
