#include "polyformer/model/builders/random_vision_model.h"

#include <array>
#include <cmath>

#include "polyformer/model/builders/random_weights.h"
#include "polyformer/model/builders/vision_builder.h"
#include "polyformer/model/builders/vision_grid.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

namespace {

constexpr double kNormGain = 0.6;  // BatchNorms with statistics of a stream that has grown
constexpr std::size_t kMergedSide = 2;
constexpr std::size_t kMerged = kMergedSide * kMergedSide;

/// What the random weights of a layer need to know of its stage.
struct Place {
    const VisionStageWeights* stage = nullptr;
    std::vector<std::size_t> order;  ///< place of each token on the grid
    std::size_t window = 0;          ///< in tokens
    std::size_t shift = 0;

    /// Which part of a shifted image a token is in: windows hold up to four that are no neighbours.
    std::size_t region(std::size_t token) const {
        if (shift == 0) return 0;
        const std::size_t row = order[token] / stage->columns;
        const std::size_t column = order[token] % stage->columns;
        return (row + shift >= stage->rows ? 2 : 0) + (column + shift >= stage->columns ? 1 : 0);
    }
    /// Rows and columns from one token of a window to another.
    std::array<double, 2> distance(std::size_t from, std::size_t to) const {
        const auto difference = [](std::size_t a, std::size_t b) {
            return static_cast<double>(a) - static_cast<double>(b);
        };
        return {difference(order[to] / stage->columns, order[from] / stage->columns),
                difference(order[to] % stage->columns, order[from] % stage->columns)};
    }
};

/// 1/√W for what a query may see.
Matrix window_mask(const Place& place) {
    const std::size_t tokens = place.order.size();
    Matrix mask{place.stage->heads * tokens, place.window, {}};
    mask.values.reserve(mask.rows * mask.columns);
    const float weight = 1 / std::sqrt(static_cast<float>(place.window));
    for (std::size_t row = 0; row < mask.rows; ++row) {
        const std::size_t query = row % tokens;
        for (std::size_t k = 0; k < place.window; ++k) {
            const std::size_t key = query / place.window * place.window + k;
            mask.values.push_back(place.region(query) == place.region(key) ? weight : 0.0F);
        }
    }
    return mask;
}

/// For every head another slope over rows and columns.
Matrix relative_positions(Sampler& sampler, const Place& place) {
    Matrix bias{place.stage->heads * place.window, place.window, {}};
    bias.values.reserve(bias.rows * bias.columns);
    for (std::size_t head = 0; head < place.stage->heads; ++head) {
        const std::vector<double> slopes = sampler.vector<double>(2, 0, 0.2);
        for (std::size_t i = 0; i < place.window * place.window; ++i) {
            const auto [down, right] = place.distance(i / place.window, i % place.window);
            bias.values.push_back(static_cast<float>(std::tanh(slopes[0] * down + slopes[1] * right)));
        }
    }
    return bias;
}

VisionLayerWeights random_layer(Sampler& sampler, const RandomVisionOptions& options, std::size_t width,
                                double residual_gain, const Place& place) {
    const std::size_t hidden = options.feed_forward * width;
    VisionLayerWeights layer;
    if (options.local) {
        layer.local = sampler.matrix(9, width, residual_gain / 3);
        layer.local_bias = sampler.vector(width, 0, 0.02);
    }
    layer.attention_norm = sampler.norm(width, kNormGain);
    layer.query = sampler.linear(width, width);
    layer.key = sampler.linear(width, width);
    layer.value = sampler.linear(width, width);
    layer.output = sampler.linear(width, width, residual_gain);
    layer.score_scale = 1 / std::sqrt(static_cast<double>(width) / static_cast<double>(place.stage->heads));
    layer.head_scale = sampler.vector(place.stage->heads, 1, 0.1);
    if (options.relative_positions) layer.score_bias = relative_positions(sampler, place);
    layer.mask = window_mask(place);
    layer.feed_forward_norm = sampler.norm(width, kNormGain);
    layer.up = sampler.linear(width, hidden);
    if (options.hidden_local) layer.hidden_local = sampler.matrix(9, hidden, 0.1);
    layer.hidden_norm = sampler.norm(hidden);
    layer.down = sampler.linear(hidden, width, residual_gain);
    layer.shift = place.shift;
    return layer;
}

/// Grids, windows, heads and merges: all that tokens' order follows from.
void add_stages(Sampler& sampler, const RandomVisionOptions& options, VisionWeights& weights) {
    std::size_t rows = options.rows;
    std::size_t columns = options.columns;
    std::size_t width_before = 0;
    for (const RandomVisionStage& stage : options.stages) {
        require(stage.heads > 0 && stage.width > 0, "a stage of width {} with {} heads cannot be: both must be above 0",
                stage.width, stage.heads);
        VisionStageWeights result{.rows = rows, .columns = columns, .window = stage.window, .heads = stage.heads};
        if (width_before != 0) {
            result.rows = rows /= kMergedSide;
            result.columns = columns /= kMergedSide;
            result.merge_norm = sampler.norm(kMerged * width_before);
            result.merge = sampler.linear(kMerged * width_before, stage.width);
        }
        width_before = stage.width;
        weights.stages.push_back(std::move(result));
    }
}

}  // namespace

Tensor random_patches(std::size_t tokens, std::size_t features, std::uint64_t seed) {
    return {tokens, features, Sampler(seed).vector<double>(tokens * features, 0, 1)};
}

VisionWeights random_vision_weights(const RandomVisionOptions& options) {
    require(options.rows > 0 && options.columns > 0 && options.features > 0 && options.classes > 0 &&
                options.feed_forward > 0 && !options.stages.empty(),
            "a model of {} × {} patches of {} features, {} classes, a feed-forward factor of {} and {} stages cannot "
            "be: each must be above 0",
            options.rows, options.columns, options.features, options.classes, options.feed_forward,
            options.stages.size());
    Sampler sampler(options.seed);
    std::size_t layers = 0;
    for (const RandomVisionStage& stage : options.stages) layers += stage.layers;
    const double residual_gain = 0.5 / std::sqrt(3 * static_cast<double>(layers));
    VisionWeights weights;
    weights.attention_function = options.attention_function;
    weights.feed_forward_function = options.feed_forward_function;
    const std::size_t first_width = options.stages.front().width;
    weights.patches = sampler.linear(options.features, first_width);
    if (options.positions) weights.positions = sampler.matrix(options.rows * options.columns, first_width, 0.5);
    add_stages(sampler, options, weights);
    for (std::size_t s = 0; s < options.stages.size(); ++s) {
        VisionStageWeights& stage = weights.stages[s];
        Place place{.stage = &stage, .order = stage_order(weights, s)};
        place.window = stage.window == 0 ? place.order.size() : stage.window * stage.window;
        for (std::size_t i = 0; i < options.stages[s].layers; ++i) {
            place.shift = place.window < place.order.size() && i % 2 == 1 ? stage.window / 2 : 0;
            stage.layers.push_back(random_layer(sampler, options, options.stages[s].width, residual_gain, place));
        }
    }
    weights.final_norm = sampler.norm(options.stages.back().width);
    weights.classes = sampler.linear(options.stages.back().width, options.classes);
    return weights;
}

Graph random_vision_model(const RandomVisionOptions& options) {
    const VisionWeights weights = random_vision_weights(options);
    std::size_t layers = 0;
    for (const RandomVisionStage& stage : options.stages) layers += stage.layers;
    const std::vector<Polynomial> polynomials(layers, placeholder());
    Graph graph = build_vision_transformer(weights, {polynomials, polynomials});
    std::vector<Tensor> samples;
    for (std::size_t i = 0; i < options.samples; ++i) {
        samples.push_back(random_patches(graph.context, graph.width, options.seed + 1 + i));
    }
    fit_to_samples(graph, samples, {.activation_degree = options.activation_degree, .margin = options.margin});
    return graph;
}

}  // namespace polyformer::model
