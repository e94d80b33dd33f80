#include "polyformer/model/builders/random_decoder.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "polyformer/approx/fitting/approximation.h"
#include "polyformer/model/builders/folding.h"
#include "polyformer/model/builders/random_model.h"
#include "polyformer/model/builders/random_weights.h"
#include "polyformer/model/interpreter/calibration.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

namespace {

constexpr float kEpsilon = 1e-5F;
constexpr double kScoreGain = 0.6;  // keeps exponentials within what polynomials of low degree follow
constexpr double kRotaryBase = 10000;

/// A normalised value without its gamma, and this.
struct Normalised {
    NodeId node = 0;
    NormWeights affine;
};

class Builder {
  public:
    explicit Builder(const RandomDecoderOptions& options)
        : options_(options), head_width_(options.width / options.heads), sampler_(options.seed) {
        graph_.context = options.context;
        graph_.width = options.width;
        graph_.vocabulary = options.vocabulary;
    }

    Graph build() {
        NodeId stream = append("input", Input{});
        for (std::size_t i = 0; i < options_.layers; ++i) {
            const std::string prefix = fmt::format("layers.{}.", i);
            stream = attention(stream, prefix);
            stream = feed_forward(stream, prefix);
        }
        map("logits", normalised(stream, "final_norm."), linear(options_.width, options_.vocabulary));
        return std::move(graph_);
    }

  private:
    NodeId append(std::string name, Operation operation) {
        return model::append(graph_, std::move(name), std::move(operation));
    }

    NodeId apply(std::string name, NodeId input, const char* function) {
        return append(std::move(name), Apply{input, placeholder(), function});
    }

    /// A map of what the norm gives, gamma folded in.
    NodeId map(const std::string& name, const Normalised& input, const LinearWeights& weights) {
        return model::append_linear(graph_, name, input.node, with_norm_before(input.affine, weights));
    }

    LinearWeights linear(std::size_t rows, std::size_t columns, double gain = 1) {
        LinearWeights weights = sampler_.linear(rows, columns, gain);
        std::ranges::fill(weights.bias, 0.0F);
        return weights;
    }

    Normalised normalised(NodeId x, const std::string& prefix) {
        const NodeId square = append(prefix + "square", Multiply{x, x});
        const NodeId mean = append(prefix + "variance", FeatureMean{square});
        const NodeId shifted = append(prefix + "shifted_variance", ScaleFeatures{mean, {1}, {kEpsilon}});
        const NodeId scale = apply(prefix + "inverse_sqrt", shifted, "inverse_sqrt");
        NormWeights norm = sampler_.norm(options_.width);
        std::ranges::fill(norm.beta, 0.0F);
        return {append(prefix + "output", Multiply{x, scale}), std::move(norm)};
    }

    NodeId turned(const std::string& name, NodeId input, std::size_t heads) {
        const std::size_t pairs = head_width_ / 2;
        Matrix angles{options_.context, pairs, std::vector<float>(options_.context * pairs)};
        for (std::size_t t = 0; t < options_.context; ++t) {
            for (std::size_t j = 0; j < pairs; ++j) {
                const double speed = std::pow(kRotaryBase, -static_cast<double>(j) / static_cast<double>(pairs));
                angles.values[t * pairs + j] = static_cast<float>(static_cast<double>(options_.prefix + t) * speed);
            }
        }
        return append(name, RotateFeatures{input, heads, std::move(angles)});
    }

    /// Of each head a block (columns, rows) of its own, 0 elsewhere.
    template <class Entry>
    Matrix by_head(std::size_t rows, std::size_t columns, Entry entry) const {
        const std::size_t heads = options_.heads;
        Matrix matrix{heads * rows, heads * columns, std::vector<float>(heads * rows * heads * columns)};
        for (std::size_t h = 0; h < heads; ++h) {
            for (std::size_t i = 0; i < rows; ++i) {
                for (std::size_t j = 0; j < columns; ++j) {
                    matrix.values[(h * rows + i) * matrix.columns + h * columns + j] = entry(h, i, j);
                }
            }
        }
        return matrix;
    }

    NodeId attention(NodeId stream, const std::string& layer) {
        const std::string prefix = layer + "attention.";
        const std::size_t width = options_.width;
        const std::size_t heads = options_.heads;
        const std::size_t key_width = options_.key_heads * head_width_;
        const Normalised x = normalised(stream, layer + "attention_norm.");
        const NodeId query = map(prefix + "query", x, linear(width, width, kScoreGain));
        const NodeId key = map(prefix + "key", x, linear(width, key_width, kScoreGain));
        const NodeId value = map(prefix + "value", x, linear(width, key_width));
        LinearWeights minus_log_sum = linear(width, heads, 0.2);
        std::ranges::fill(minus_log_sum.bias, -std::log(static_cast<float>(options_.context)) / 2);
        const NodeId shift = map(prefix + "shift", x, minus_log_sum);
        const NodeId query_turned = turned(prefix + "query_rotated", query, heads);
        const NodeId key_turned = turned(prefix + "key_rotated", key, options_.key_heads);
        const double scale = 1 / std::sqrt(static_cast<double>(head_width_));
        const NodeId scores = append(prefix + "scores", AttentionScores{.query = query_turned,
                                                                        .key = key_turned,
                                                                        .heads = heads,
                                                                        .scale = scale,
                                                                        .bias = {},
                                                                        .key_heads = options_.key_heads});
        const NodeId shifted = append(prefix + "shifted", ShiftScores{scores, shift});
        const NodeId weights = apply(prefix + "weights", shifted, "exp");
        NodeId values = append(prefix + "values", AttentionValues{.scores = weights,
                                                                  .value = value,
                                                                  .heads = heads,
                                                                  .causal = true,
                                                                  .mask = {},
                                                                  .value_heads = options_.key_heads});
        NodeId sums =
            append(prefix + "sums", AttentionSums{.scores = weights, .heads = heads, .causal = true, .mask = {}});
        if (options_.prefix > 0) add_prefix(prefix, query_turned, shift, scale, values, sums);
        const NodeId inverse = apply(prefix + "inverse", sums, "reciprocal");
        const NodeId mixed = append(prefix + "mixed", Multiply{values, inverse});
        const NodeId output = model::append_linear(graph_, prefix + "output", mixed, linear(width, width));
        return append(prefix + "residual", Add{stream, output});
    }

    /// Keys and values that are the same for every text.
    void add_prefix(const std::string& prefix, NodeId query, NodeId shift, double scale, NodeId& values, NodeId& sums) {
        const std::size_t count = options_.prefix;
        const std::size_t groups = options_.heads / options_.key_heads;
        const Matrix keys = sampler_.matrix(options_.key_heads * head_width_, count, kScoreGain);
        const Matrix own = sampler_.matrix(count, options_.key_heads * head_width_, 1);
        const NodeId scores =
            append(prefix + "prefix_scores",
                   Linear{query, by_head(head_width_, count, [&](std::size_t h, std::size_t j, std::size_t p) {
                              const std::size_t row = h / groups * head_width_ + j;
                              return static_cast<float>(scale * static_cast<double>(keys.values[row * count + p]));
                          })});
        const NodeId shifted = append(prefix + "prefix_shifted", Add{scores, shift});
        const NodeId weights = apply(prefix + "prefix_weights", shifted, "exp");
        const NodeId prefix_values =
            append(prefix + "prefix_values",
                   Linear{weights, by_head(count, head_width_, [&](std::size_t h, std::size_t p, std::size_t j) {
                              return own.values[p * own.columns + h / groups * head_width_ + j];
                          })});
        const NodeId prefix_sums =
            count == 1
                ? weights
                : append(prefix + "prefix_sums", Linear{weights, by_head(count, 1, [](auto...) { return 1.0F; })});
        values = append(prefix + "values_total", Add{values, prefix_values});
        sums = append(prefix + "sums_total", Add{sums, prefix_sums});
    }

    NodeId feed_forward(NodeId stream, const std::string& layer) {
        const std::string prefix = layer + "feed_forward.";
        const Normalised x = normalised(stream, layer + "feed_forward_norm.");
        const NodeId gate = map(prefix + "gate", x, linear(options_.width, options_.feed_forward));
        const NodeId activation = apply(prefix + "activation", gate, "silu");
        const NodeId up = map(prefix + "up", x, linear(options_.width, options_.feed_forward));
        const NodeId gated = append(prefix + "gated", Multiply{activation, up});
        const NodeId down =
            model::append_linear(graph_, prefix + "down", gated, linear(options_.feed_forward, options_.width));
        return append(prefix + "residual", Add{stream, down});
    }

    const RandomDecoderOptions& options_;
    std::size_t head_width_;
    Sampler sampler_;
    Graph graph_;
};

/// Gives weights of the text and of the prefix one polynomial, for the scores of both.
void share_exponentials(Graph& graph, std::size_t degree) {
    Apply* text = nullptr;
    for (Node& node : graph.nodes) {
        if (node.name.ends_with(".attention.weights")) text = &std::get<Apply>(node.operation);
        if (!node.name.ends_with(".attention.prefix_weights")) continue;
        auto& prefix = std::get<Apply>(node.operation);
        const approx::Interval interval{std::min(text->polynomial.lower, prefix.polynomial.lower),
                                        std::max(text->polynomial.upper, prefix.polynomial.upper)};
        const auto found = approx::chebyshev_interpolation(approx::target_function("exp"), interval, degree).polynomial;
        text->polynomial = prefix.polynomial = {found.lower, found.upper, found.coefficients};
    }
}

}  // namespace

Transformer random_decoder(const RandomDecoderOptions& options) {
    require(options.width > 0 && options.context > 0 && options.feed_forward > 0 && options.vocabulary > 0 &&
                options.heads > 0 && options.width % (2 * options.heads) == 0 && options.key_heads > 0 &&
                options.heads % options.key_heads == 0,
            "a decoder of width {}, {} heads, {} key heads, context {}, feed-forward width {} and vocabulary {} cannot "
            "be: each must be above 0, the heads divide the width into even parts, and the key heads divide the heads",
            options.width, options.heads, options.key_heads, options.context, options.feed_forward, options.vocabulary);
    Sampler sampler(options.seed + 1000);
    Transformer model{Builder(options).build(),
                      {.tokens = sampler.matrix(options.vocabulary, options.width, 1), .positions = {}}};
    std::vector<Tensor> samples;
    for (std::size_t i = 0; i < options.samples; ++i) {
        samples.push_back(
            model.embedding.embed(random_tokens(options.context, options.vocabulary, options.seed + 1 + i)));
    }
    fit_to_samples(model.graph, samples,
                   {.activation_degree = options.silu_degree,
                    .inverse_sqrt_degree = options.inverse_sqrt_degree,
                    .exp_degree = options.exp_degree,
                    .reciprocal_degree = options.reciprocal_degree,
                    .margin = options.margin});
    if (options.shares_exp) {
        share_exponentials(model.graph, options.exp_degree);
        calibrate(model.graph, samples, options.margin);
    }
    return model;
}

}  // namespace polyformer::model
