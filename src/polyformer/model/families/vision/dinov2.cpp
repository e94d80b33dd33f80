// DINOv2: ViT's layers with a scale of each feature behind their parts (LayerScale); classes from the class token and
// the mean of the patches side by side.
#include <array>
#include <utility>

#include "polyformer/model/builders/folding.h"
#include "polyformer/model/families/vision/vision_family.h"
#include "polyformer/model/graph/limits.h"
#include "polyformer/support/error.h"
#include "polyformer/support/json.h"

namespace polyformer::model {

namespace {

constexpr std::array<std::string_view, 1> model_types = {"dinov2"};
constexpr std::array<std::string_view, 1> architectures = {"Dinov2ForImageClassification"};
constexpr std::array<std::string_view, 1> extra = {"cls_token"};
constexpr std::array<std::string_view, 1> unused = {"embeddings.mask_token"};

VisionShape shape_of(const ModelConfig& config) {
    const auto gated = config.document.find("use_swiglu_ffn");
    require<FormatError>(gated == config.document.end() || gated->is_null() || *gated == false,
                         "{}: 'use_swiglu_ffn' asks for gates, which cannot be imported for images", config.label);
    VisionShape shape = vision_shape(config, 1, 1e-6);
    shape.layers.hidden = shape.layers.width * config.size("mlp_ratio", 1, 64, 4);
    return shape;
}

VisionTables read_tables(CheckpointWeights& weights, const VisionShape& shape) {
    return vision_tables(weights, shape, extra);
}

DecoderLayer read_layer(CheckpointWeights& weights, const VisionShape& shape, std::size_t index) {
    const std::string name = fmt::format("encoder.layer.{}.", index);
    const std::size_t width = shape.layers.width;
    const auto scaled = [&](const LinearWeights& map, const char* part) {
        return with_norm_behind(map, {weights.vector(name + part + ".lambda1", width), std::vector<float>(width)});
    };
    DecoderLayer layer;
    layer.attention_norm = weights.norm(name + "norm1", width);
    read_attention(weights, shape, name + "attention", layer);
    layer.output = scaled(layer.output, "layer_scale1");
    layer.feed_forward_norm = weights.norm(name + "norm2", width);
    layer.up = weights.linear(name + "mlp.fc1", width, shape.layers.hidden);
    layer.down = scaled(weights.linear(name + "mlp.fc2", shape.layers.hidden, width), "layer_scale2");
    return layer;
}

/// With n tokens, m their mean and c the class token's, the mean of the patches is (n·m − c) / (n − 1).
std::vector<VisionHead> read_heads(CheckpointWeights& weights, const VisionShape& shape, const ModelConfig&) {
    const std::size_t width = shape.layers.width;
    const std::size_t classes = shape.layers.vocabulary;
    const LinearWeights both = weights.linear("classifier", 2 * width, classes);
    const auto middle = both.weight.values.begin() + static_cast<std::ptrdiff_t>(width * classes);
    LinearWeights first{{width, classes, {both.weight.values.begin(), middle}}, both.bias};
    LinearWeights mean{{width, classes, {middle, both.weight.values.end()}}, {}};
    const auto tokens = static_cast<double>(shape.tokens());
    for (std::size_t i = 0; i < mean.weight.values.size(); ++i) {
        const double value = mean.weight.values[i];
        first.weight.values[i] = static_cast<float>(first.weight.values[i] - value / (tokens - 1));
        mean.weight.values[i] = static_cast<float>(value * tokens / (tokens - 1));
    }
    return {{"class", 0, std::move(first)}, {"patch_mean", VisionHead::kMean, std::move(mean)}};
}

}  // namespace

const VisionFamily& dinov2_family() {
    static constexpr VisionFamily family{.model_types = model_types,
                                         .architectures = architectures,
                                         .prefix = "dinov2.",
                                         .unused = unused,
                                         .any_size = true,
                                         .shape = shape_of,
                                         .tables = read_tables,
                                         .layer = read_layer,
                                         .heads = read_heads};
    return family;
}

}  // namespace polyformer::model
