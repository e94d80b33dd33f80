// ViT: a token for the class, learned positions, layers with norms before their parts. DeiT is the same with a second
// token, taught by another model.
#include <array>

#include "polyformer/model/families/vision/vision_family.h"
#include "polyformer/model/graph/limits.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

namespace {

constexpr std::array<std::string_view, 1> vit_types = {"vit"};
constexpr std::array<std::string_view, 1> deit_types = {"deit"};
constexpr std::array<std::string_view, 1> vit_architectures = {"ViTForImageClassification"};
constexpr std::array<std::string_view, 2> deit_architectures = {"DeiTForImageClassification",
                                                                "DeiTForImageClassificationWithTeacher"};
constexpr std::array<std::string_view, 2> extra = {"cls_token", "distillation_token"};
constexpr std::array<std::string_view, 2> unused = {"pooler.dense.", "embeddings.mask_token"};

VisionShape shape_of(const ModelConfig& config, std::size_t extra_tokens) {
    VisionShape shape = vision_shape(config, extra_tokens, 1e-12);
    shape.layers.hidden = config.size("intermediate_size", 1, kMaxFeatures, 3072);
    return shape;
}

VisionShape vit_shape(const ModelConfig& config) {
    return shape_of(config, 1);
}

VisionShape deit_shape(const ModelConfig& config) {
    return shape_of(config, 2);
}

VisionTables read_tables(CheckpointWeights& weights, const VisionShape& shape) {
    return vision_tables(weights, shape, std::span(extra).first(shape.extra_tokens));
}

DecoderLayer read_layer(CheckpointWeights& weights, const VisionShape& shape, std::size_t index) {
    const std::string name = fmt::format("encoder.layer.{}.", index);
    const std::size_t width = shape.layers.width;
    DecoderLayer layer;
    layer.attention_norm = weights.norm(name + "layernorm_before", width);
    read_attention(weights, shape, name + "attention", layer);
    layer.feed_forward_norm = weights.norm(name + "layernorm_after", width);
    layer.up = weights.linear(name + "intermediate.dense", width, shape.layers.hidden);
    layer.down = weights.linear(name + "output.dense", shape.layers.hidden, width);
    return layer;
}

LinearWeights halved(LinearWeights map) {
    for (float& value : map.weight.values) value /= 2;
    for (float& value : map.bias) value /= 2;
    return map;
}

std::vector<VisionHead> read_heads(CheckpointWeights& weights, const VisionShape& shape, const ModelConfig& config) {
    const std::size_t width = shape.layers.width;
    const std::size_t classes = shape.layers.vocabulary;
    std::vector<VisionHead> heads;
    if (config.architecture.ends_with("WithTeacher")) {  // the mean of both
        heads.push_back({"class", 0, halved(weights.linear("cls_classifier", width, classes))});
        heads.push_back({"distillation", 1, halved(weights.linear("distillation_classifier", width, classes))});
    } else {
        heads.push_back({"class", 0, weights.linear("classifier", width, classes)});
    }
    return heads;
}

}  // namespace

const VisionFamily& vit_family() {
    static constexpr VisionFamily family{.model_types = vit_types,
                                         .architectures = vit_architectures,
                                         .prefix = "vit.",
                                         .unused = unused,
                                         .any_size = false,
                                         .shape = vit_shape,
                                         .tables = read_tables,
                                         .layer = read_layer,
                                         .heads = read_heads};
    return family;
}

const VisionFamily& deit_family() {
    static constexpr VisionFamily family{.model_types = deit_types,
                                         .architectures = deit_architectures,
                                         .prefix = "deit.",
                                         .unused = unused,
                                         .any_size = false,
                                         .shape = deit_shape,
                                         .tables = read_tables,
                                         .layer = read_layer,
                                         .heads = read_heads};
    return family;
}

}  // namespace polyformer::model
