// Graphs put together node by node, with random weights.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/interpreter/calibration.h"

namespace polyformer::fixtures {

using model::NodeId;

/// Appends nodes with random weights.
class Builder {
  public:
    Builder(std::size_t context, std::size_t width) {
        graph_.context = context;
        graph_.width = width;
        input_ = add(model::Input{});
    }

    NodeId input() const { return input_; }

    NodeId add(model::Operation operation) {
        graph_.nodes.push_back({fmt::format("node{}", graph_.nodes.size()), std::move(operation), 1.0});
        return graph_.nodes.size() - 1;
    }

    NodeId linear(NodeId input, std::size_t rows, std::size_t columns) {
        std::normal_distribution<float> normal(0, 1 / std::sqrt(static_cast<float>(rows)));
        model::Linear linear{input, {rows, columns, std::vector<float>(rows * columns)}, std::vector<float>(columns)};
        for (float& weight : linear.weight.values) weight = normal(random_);
        for (float& bias : linear.bias) bias = normal(random_);
        return add(std::move(linear));
    }

    /// 0.1 + 0.5·x + 0.25·x² on [−8, 8].
    NodeId apply(NodeId input) {
        // x = 8u, x² = 64·(T_0 + T_2)/2.
        return add(model::Apply{input, {-8, 8, {0.1 + 8, 4, 8}}, "a parabola"});
    }

    /// Of each feature another, or of all features the same.
    NodeId scale(NodeId input, std::size_t features, bool alike) {
        model::ScaleFeatures scale{input, std::vector<float>(features, -0.5F), std::vector<float>(features, 0.25F)};
        if (!alike) {
            scale.factors = matrix(1, features, 1).values;
            scale.bias = matrix(1, features, 1).values;
        }
        return add(std::move(scale));
    }

    NodeId sums(NodeId scores, std::size_t heads, bool causal) {
        return add(model::AttentionSums{scores, heads, causal, weights(heads, causal)});
    }

    NodeId scores(NodeId query, NodeId key, std::size_t heads) {
        return add(model::AttentionScores{query, key, heads, 0.3});
    }

    /// Of windows, with a bias.
    NodeId windows(NodeId query, std::size_t heads, std::size_t window) {
        return add(model::AttentionScores{.query = query,
                                          .key = query,
                                          .heads = heads,
                                          .scale = 0.3,
                                          .window = window,
                                          .bias = matrix(heads * window, window, 1)});
    }

    NodeId values(NodeId scores, NodeId value, std::size_t heads, bool causal) {
        return add(model::AttentionValues{scores, value, heads, causal, weights(heads, causal)});
    }

    /// Every weight another one, so that none can stand for another unnoticed.
    model::Matrix weights(std::size_t heads, bool causal) const {
        const std::size_t context = graph_.context;
        model::Matrix mask{heads * context, context, std::vector<float>(heads * context * context)};
        for (std::size_t row = 0; row < mask.rows; ++row) {
            const std::size_t query = row % context;
            for (std::size_t key = 0; key < (causal ? query + 1 : context); ++key) {
                const double wave = std::sin(static_cast<double>(row * context + key));
                mask.values[row * context + key] = static_cast<float>((1 + wave / 2) / static_cast<double>(query + 2));
            }
        }
        return mask;
    }

    // What decoders add.

    NodeId turned(NodeId input, std::size_t heads, std::size_t head_width) {
        return add(model::RotateFeatures{input, heads, matrix(graph_.context, head_width / 2, 1)});
    }

    /// Weights of attention, or the root of which they are the square, for a text and for `prefix` public tokens; all
    /// by the same polynomial.
    struct PrefixedWeights {
        NodeId text = 0;
        NodeId prefix = 0;
    };
    PrefixedWeights prefixed_weights(NodeId query, std::size_t features, NodeId key, std::size_t heads,
                                     std::size_t prefix, bool squares) {
        const NodeId by = linear(input_, graph_.width, heads);
        const NodeId own = add(model::ShiftScores{scores(query, key, heads), by});
        const NodeId other = add(model::Add{by, linear(query, features, heads * prefix)});
        PrefixedWeights weights{apply(own), apply(other)};
        if (squares) {
            weights = {add(model::Multiply{weights.text, weights.text}),
                       add(model::Multiply{weights.prefix, weights.prefix})};
        }
        return weights;
    }

    // What image models add.

    NodeId constant(NodeId input, std::size_t tokens, std::size_t features) {
        return add(model::AddConstant{input, matrix(tokens, features, 1)});
    }

    /// A 3×3 kernel over a grid of rows × columns tokens, row by row, feature by feature.
    NodeId convolution(NodeId input, std::size_t rows, std::size_t columns, std::size_t features) {
        model::MixTokens mix{input};
        for (int y = -1; y <= 1; ++y) {
            for (int x = -1; x <= 1; ++x) {
                auto& sources = mix.sources.emplace_back();
                for (std::size_t token = 0; token < rows * columns; ++token) {
                    const int row = static_cast<int>(token / columns) + y;
                    const int column = static_cast<int>(token % columns) + x;
                    const bool inside =
                        row >= 0 && row < static_cast<int>(rows) && column >= 0 && column < static_cast<int>(columns);
                    sources.push_back(inside ? row * static_cast<int>(columns) + column : mix.kNothing);
                }
            }
        }
        mix.weights = matrix(9, features, 0.3F);
        mix.bias = matrix(1, features, 0.3F).values;
        return add(std::move(mix));
    }

    /// Tokens in another order.
    NodeId shuffle(NodeId input, std::size_t tokens, std::size_t features) {
        model::MixTokens mix{input};
        auto& sources = mix.sources.emplace_back(tokens);
        std::iota(sources.begin(), sources.end(), 0);
        std::shuffle(sources.begin(), sources.end(), random_);
        mix.weights = matrix(1, features, 1);
        return add(std::move(mix));
    }

    /// Attention with a bias, in windows or not, of a polynomial of the scores.
    NodeId attention(NodeId input, std::size_t tokens, std::size_t width, std::size_t heads, std::size_t window) {
        const NodeId query = linear(input, width, width);
        const NodeId key = linear(input, width, width);
        const NodeId value = linear(input, width, width);
        const std::size_t keys = window == 0 ? tokens : window;
        const NodeId scores = add(model::AttentionScores{.query = query,
                                                         .key = key,
                                                         .heads = heads,
                                                         .scale = 0.3,
                                                         .window = window,
                                                         .bias = matrix(heads * keys, keys, 1)});
        model::Matrix mask = matrix(heads * tokens, keys, 1 / static_cast<float>(keys));
        const NodeId values = add(model::AttentionValues{
            .scores = apply(scores), .value = value, .heads = heads, .causal = false, .mask = std::move(mask)});
        return linear(values, width, width);
    }

    NodeId sum(NodeId left, NodeId right) { return add(model::Add{left, right}); }

    model::Tensor text(std::size_t rows, unsigned seed) const {
        std::mt19937 random(seed);
        std::normal_distribution<double> normal(0, 1);
        model::Tensor tensor{rows, graph_.width, std::vector<double>(rows * graph_.width)};
        for (double& value : tensor.values) value = normal(random);
        return tensor;
    }

    model::Graph finish(std::size_t vocabulary) {
        graph_.vocabulary = vocabulary;
        model::calibrate(graph_, std::vector{text(graph_.context, 1), text(graph_.context, 2)}, 1.0);
        model::validate(graph_);
        return graph_;
    }

    /// The same with each polynomial a bounded one over the interval that its inputs take.
    model::Graph finish_fitted(std::size_t vocabulary) {
        graph_.vocabulary = vocabulary;
        model::fit_polynomials(graph_, std::vector{text(graph_.context, 1), text(graph_.context, 2)},
                               [](const model::Node&, double smallest, double largest) {
                                   return model::Polynomial{smallest, largest, {0.1, 0.5, 0.25}};
                               });
        return finish(vocabulary);
    }

  private:
    model::Matrix matrix(std::size_t rows, std::size_t columns, float size) {
        std::normal_distribution<float> normal(0, size);
        model::Matrix result{rows, columns, std::vector<float>(rows * columns)};
        for (float& value : result.values) value = normal(random_);
        return result;
    }

    model::Graph graph_;
    NodeId input_ = 0;
    std::mt19937 random_{7};
};

}  // namespace polyformer::fixtures
