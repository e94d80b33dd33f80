#include "polyformer/model/builders/vision_builder.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "polyformer/model/builders/folding.h"
#include "polyformer/model/builders/vision_grid.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

namespace {

constexpr std::size_t kMerged = kMergedSide * kMergedSide;
constexpr std::size_t kKernelSide = 3;
constexpr std::size_t kTaps = kKernelSide * kKernelSide;

bool is_empty(const NormWeights& norm) {
    return norm.gamma.empty() && norm.beta.empty();
}

/// Each head's columns times its factor: head h owns columns [h·d_k, (h+1)·d_k).
LinearWeights with_head_factors(LinearWeights linear, const std::vector<float>& factors) {
    const std::size_t columns = linear.weight.columns;
    const std::size_t head_width = columns / factors.size();
    for (std::size_t i = 0; i < linear.weight.values.size(); ++i) {
        linear.weight.values[i] *= factors[i % columns / head_width];
    }
    for (std::size_t j = 0; j < linear.bias.size(); ++j) linear.bias[j] *= factors[j / head_width];
    return linear;
}

/// Appends nodes in order of evaluation.
class Builder {
  public:
    Builder(const VisionWeights& weights, const VisionPolynomials& polynomials)
        : weights_(weights), polynomials_(polynomials) {
        graph_.context = weights.stages.front().rows * weights.stages.front().columns;
        graph_.width = weights.patches.weight.rows;
        graph_.vocabulary = weights.classes.weight.columns;
    }

    Graph build() {
        residual_ = append(graph_, "input", Input{});
        embed();
        for (stage_ = 0; stage_ < weights_.stages.size(); ++stage_) build_stage(weights_.stages[stage_]);
        const NodeId pooled = append(graph_, "pooling", TokenMean{residual_});
        // The mean of what a norm gives is what it gives for the mean.
        append_linear(graph_, "logits", pooled,
                      read(weights_.final_norm, weights_.classes, width_, graph_.vocabulary, "logits"));
        return std::move(graph_);
    }

  private:
    void embed() {
        width_ = weights_.patches.weight.columns;
        check_linear(weights_.patches, graph_.width, width_, "patches");
        residual_ = append_linear(graph_, "patches", residual_, weights_.patches);
        const Matrix& positions = weights_.positions;
        if (positions.values.empty()) return;
        check_matrix(positions, graph_.context, width_, "positions");
        Matrix values{positions.rows, positions.columns, {}};
        for (const std::size_t place : stage_order(weights_, 0)) {
            const float* row = &positions.values[place * width_];
            values.values.insert(values.values.end(), row, row + width_);
        }
        residual_ = append(graph_, "positions", AddConstant{residual_, std::move(values)});
    }

    void build_stage(const VisionStageWeights& stage) {
        const std::string prefix = fmt::format("stages.{}.", stage_);
        if (merges(stage)) merge(stage, prefix);
        require(stage.heads >= 1 && width_ % stage.heads == 0, "stage {}: a width of {} does not divide into {} heads",
                stage_, width_, stage.heads);
        const Grid grid(stage, stage_order(weights_, stage_));
        std::size_t shift = 0;
        for (const VisionLayerWeights& layer : stage.layers) {
            build_layer(stage, layer, grid, shift);
            shift = layer.shift;
        }
        if (shift != 0 && stage_ + 1 < weights_.stages.size()) {
            residual_ = append(graph_, prefix + "unshift", moved(grid, shift, 0));
        }
    }

    void merge(const VisionStageWeights& stage, const std::string& prefix) {
        const std::size_t merged_width = kMerged * width_;
        width_ = stage.merge.weight.columns;
        residual_ = append(graph_, prefix + "merge", MergeTokens{residual_, kMerged});
        residual_ = append_linear(graph_, prefix + "width", residual_,
                                  read(stage.merge_norm, stage.merge, merged_width, width_, prefix + "width"));
    }

    void build_layer(const VisionStageWeights& stage, const VisionLayerWeights& layer, const Grid& grid,
                     std::size_t shift_before) {
        const std::string prefix = fmt::format("layers.{}.", layer_);
        require(layer.shift == 0 || (!has_one_window(stage) && layer.shift < stage.window),
                "layer {} is shifted by {}, but {}", layer_, layer.shift,
                has_one_window(stage) ? "its stage has a single window: set the shift to 0"
                                      : fmt::format("its windows are {} wide: shift by less", stage.window));
        local(layer, grid, shift_before, prefix + "local");
        attention(stage, layer, prefix + "attention.");
        feed_forward(layer, grid, prefix + "feed_forward.");
        ++layer_;
    }

    MixTokens moved(const Grid& grid, std::size_t from, std::size_t to) const {
        return {.input = residual_,
                .sources = {grid.neighbours(from, to, 0, 0)},
                .weights = {1, width_, std::vector<float>(width_, 1.0F)}};
    }

    /// x + local(x) in the order of this layer's windows, in one node.
    void local(const VisionLayerWeights& layer, const Grid& grid, std::size_t shift_before, const std::string& name) {
        if (layer.local.values.empty()) {
            require(layer.local_bias.empty(), "'{}' has a bias, but no weights", name);
            if (shift_before != layer.shift) residual_ = append(graph_, name, moved(grid, shift_before, layer.shift));
            return;
        }
        check_matrix(layer.local, kTaps, width_, name);
        if (!layer.local_bias.empty()) check_vector(layer.local_bias, width_, name, "bias");
        MixTokens mix = convolution(residual_, layer.local, grid, shift_before, layer.shift);
        mix.bias = layer.local_bias;
        residual_ = append(graph_, name, std::move(mix));
    }

    /// x + the convolution of x, from the order of a layer shifted by `from` to that of one shifted by `to`.
    static MixTokens convolution(NodeId x, const Matrix& kernel, const Grid& grid, std::size_t from, std::size_t to) {
        MixTokens mix{.input = x, .sources = {}, .weights = kernel};
        for (std::size_t tap = 0; tap < kTaps; ++tap) {
            mix.sources.push_back(grid.neighbours(from, to, static_cast<long>(tap / kKernelSide) - 1,
                                                  static_cast<long>(tap % kKernelSide) - 1));
        }
        for (std::size_t j = 0; j < kernel.columns; ++j) mix.weights.values[kTaps / 2 * kernel.columns + j] += 1;
        return mix;
    }

    void attention(const VisionStageWeights& stage, const VisionLayerWeights& layer, const std::string& prefix) {
        const std::size_t heads = stage.heads;
        check_score_scale(layer.score_scale, width_ / heads);
        const auto project = [&](const LinearWeights& weights, const char* name) {
            return read(layer.attention_norm, weights, width_, width_, prefix + name);
        };
        LinearWeights scaled = project(layer.query, "query");
        if (!layer.head_scale.empty()) {
            check_vector(layer.head_scale, heads, prefix + "scores", "scale");
            scaled = with_head_factors(std::move(scaled), layer.head_scale);
        }
        const NodeId query = append_linear(graph_, prefix + "query", residual_, std::move(scaled));
        const NodeId key = append_linear(graph_, prefix + "key", residual_, project(layer.key, "key"));
        const NodeId value = append_linear(graph_, prefix + "value", residual_, project(layer.value, "value"));
        const std::size_t window = has_one_window(stage) ? 0 : stage.window * stage.window;
        const NodeId scores = append(graph_, prefix + "scores",
                                     AttentionScores{.query = query,
                                                     .key = key,
                                                     .heads = heads,
                                                     .scale = layer.score_scale,
                                                     .window = window,
                                                     .bias = layer.score_bias});
        const NodeId activation = append(graph_, prefix + "activation",
                                         Apply{scores, polynomials_.attention[layer_], weights_.attention_function});
        const NodeId values = append(
            graph_, prefix + "values",
            AttentionValues{.scores = activation, .value = value, .heads = heads, .causal = false, .mask = layer.mask});
        check_linear(layer.output, width_, width_, prefix + "output");
        const NodeId output = append_linear(graph_, prefix + "output", values, layer.output);
        residual_ = append(graph_, prefix + "residual", Add{residual_, output});
    }

    void feed_forward(const VisionLayerWeights& layer, const Grid& grid, const std::string& prefix) {
        const std::size_t hidden = layer.up.weight.columns;
        LinearWeights widening = read(layer.feed_forward_norm, layer.up, width_, hidden, prefix + "up");
        const bool normalised = !is_empty(layer.hidden_norm);
        const bool mixed = !layer.hidden_local.values.empty();
        if (normalised) check_norm(layer.hidden_norm, hidden, prefix + "up", "behind the weight");
        if (normalised && !mixed) widening = with_norm_behind(widening, layer.hidden_norm);
        NodeId up = append_linear(graph_, prefix + "up", residual_, std::move(widening));
        if (mixed) {
            check_matrix(layer.hidden_local, kTaps, hidden, prefix + "local");
            MixTokens mix = convolution(up, layer.hidden_local, grid, layer.shift, layer.shift);
            if (normalised) {
                for (std::size_t i = 0; i < mix.weights.values.size(); ++i) {
                    mix.weights.values[i] *= layer.hidden_norm.gamma[i % hidden];
                }
                mix.bias = layer.hidden_norm.beta;
            }
            up = append(graph_, prefix + "local", std::move(mix));
        }
        const NodeId activation = append(graph_, prefix + "activation",
                                         Apply{up, polynomials_.feed_forward[layer_], weights_.feed_forward_function});
        check_linear(layer.down, hidden, width_, prefix + "down");
        const NodeId down = append_linear(graph_, prefix + "down", activation, layer.down);
        residual_ = append(graph_, prefix + "residual", Add{residual_, down});
    }

    /// A map that reads a normalised value, folded.
    static LinearWeights read(const NormWeights& norm, const LinearWeights& linear, std::size_t rows,
                              std::size_t columns, const std::string& name) {
        check_norm(norm, rows, name, "before the weight");
        check_linear(linear, rows, columns, name);
        return with_norm_before(norm, linear);
    }

    const VisionWeights& weights_;
    const VisionPolynomials& polynomials_;
    Graph graph_;
    NodeId residual_ = 0;    ///< the residual stream so far
    std::size_t width_ = 0;  ///< its features
    std::size_t stage_ = 0;
    std::size_t layer_ = 0;
};

void check_count(const std::vector<Polynomial>& polynomials, std::size_t layers, std::string_view of) {
    require(polynomials.size() == layers, "there are {} polynomials for the {} of {} layers", polynomials.size(), of,
            layers);
}

}  // namespace

Graph build_vision_transformer(const VisionWeights& weights, const VisionPolynomials& polynomials) {
    require(!weights.stages.empty(), "a vision transformer needs at least one stage");
    std::size_t layers = 0;
    for (const VisionStageWeights& stage : weights.stages) layers += stage.layers.size();
    check_count(polynomials.attention, layers, "attention");
    check_count(polynomials.feed_forward, layers, "feed-forward parts");
    Graph graph = Builder(weights, polynomials).build();
    validate(graph);
    return graph;
}

}  // namespace polyformer::model
