#include "polyformer/model/builders/vision_builder.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "polyformer/model/builders/folding.h"
#include "polyformer/model/images/image_input.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

namespace {

constexpr std::size_t kMergedSide = 2;  // of the patches that become one
constexpr std::size_t kMerged = kMergedSide * kMergedSide;
constexpr std::size_t kKernelSide = 3;
constexpr std::size_t kTaps = kKernelSide * kKernelSide;

bool is_empty(const NormWeights& norm) {
    return norm.gamma.empty() && norm.beta.empty();
}

bool merges(const VisionStageWeights& stage) {
    return !stage.merge.weight.values.empty();
}

bool has_one_window(const VisionStageWeights& stage) {
    return stage.window == 0 || (stage.window == stage.rows && stage.window == stage.columns);
}

/// Side of a stage's patches in patches of the first stage. Throws where grids do not follow from each other.
std::size_t unit_of(const VisionWeights& weights, std::size_t stage) {
    std::size_t unit = 1;
    for (std::size_t s = 0; s <= stage; ++s) {
        const VisionStageWeights& current = weights.stages[s];
        require(current.rows > 0 && current.columns > 0, "stage {} has a grid of {} × {} patches; both must be above 0",
                s, current.rows, current.columns);
        if (s == 0) {
            require(!merges(current), "the first stage merges patches, but there is no stage before it");
            continue;
        }
        const VisionStageWeights& before = weights.stages[s - 1];
        const std::size_t side = merges(current) ? kMergedSide : 1;
        require(before.rows == current.rows * side && before.columns == current.columns * side,
                "stage {} has a grid of {} × {} patches, but that of the stage before it is {} × {}{}", s, current.rows,
                current.columns, before.rows, before.columns,
                merges(current) ? ", of which 2 × 2 become one" : " and nothing is merged");
        unit *= side;
    }
    return unit;
}

/// Where tokens lie on a stage's grid, as layers see it that are shifted by `shift` rows and columns.
class Grid {
  public:
    Grid(const VisionStageWeights& stage, std::vector<std::size_t> order)
        : rows_(stage.rows), columns_(stage.columns), order_(std::move(order)) {}

    std::size_t tokens() const { return order_.size(); }

    /// For each token of a layer shifted by `to`, the token of a layer shifted by `from` that lies `down` rows and
    /// `right` columns away, or kNothing beyond the border.
    std::vector<std::int32_t> neighbours(std::size_t from, std::size_t to, long down, long right) const {
        std::vector<std::int32_t> token_at(tokens());
        for (std::size_t t = 0; t < tokens(); ++t) token_at[place(t, from)] = static_cast<std::int32_t>(t);
        std::vector<std::int32_t> result;
        for (std::size_t t = 0; t < tokens(); ++t) {
            const std::size_t centre = place(t, to);
            const long row = static_cast<long>(centre / columns_) + down;
            const long column = static_cast<long>(centre % columns_) + right;
            const bool inside =
                row >= 0 && column >= 0 && row < static_cast<long>(rows_) && column < static_cast<long>(columns_);
            result.push_back(inside
                                 ? token_at[static_cast<std::size_t>(row) * columns_ + static_cast<std::size_t>(column)]
                                 : MixTokens::kNothing);
        }
        return result;
    }

  private:
    std::size_t place(std::size_t token, std::size_t shift) const {
        const std::size_t row = (order_[token] / columns_ + shift) % rows_;
        const std::size_t column = (order_[token] % columns_ + shift) % columns_;
        return row * columns_ + column;
    }

    std::size_t rows_;
    std::size_t columns_;
    std::vector<std::size_t> order_;
};

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

std::vector<std::size_t> token_blocks(const VisionWeights& weights) {
    std::vector<std::size_t> blocks;
    for (std::size_t s = 0; s < weights.stages.size(); ++s) {
        const std::size_t unit = unit_of(weights, s);
        blocks.push_back(unit);
        if (!has_one_window(weights.stages[s])) blocks.push_back(unit * weights.stages[s].window);
    }
    std::ranges::sort(blocks);
    blocks.erase(std::unique(blocks.begin(), blocks.end()), blocks.end());
    std::erase(blocks, std::size_t{1});
    for (std::size_t i = 1; i < blocks.size(); ++i) {
        require(blocks[i] % blocks[i - 1] == 0,
                "windows and merges need blocks of {} × {} patches made of blocks of {} × {}, which do not divide them",
                blocks[i], blocks[i], blocks[i - 1], blocks[i - 1]);
    }
    return blocks;
}

std::vector<std::size_t> stage_order(const VisionWeights& weights, std::size_t stage) {
    require(stage < weights.stages.size(), "there is no stage {}: there are {}", stage, weights.stages.size());
    const std::size_t unit = unit_of(weights, stage);
    std::vector<std::size_t> blocks;
    for (const std::size_t side : token_blocks(weights)) {
        if (side > unit) blocks.push_back(side / unit);
    }
    return token_order(weights.stages[stage].rows, weights.stages[stage].columns, blocks);
}

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
