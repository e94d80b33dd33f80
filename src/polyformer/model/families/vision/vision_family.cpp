#include "polyformer/model/families/vision/vision_family.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "polyformer/model/graph/limits.h"
#include "polyformer/model/pixels/image_limits.h"
#include "polyformer/support/error.h"
#include "polyformer/support/json.h"

namespace polyformer::model {

namespace {

constexpr std::size_t kChannels = 3;

}  // namespace

const VisionFamily* find_vision_family(const ModelConfig& config) {
    for (const VisionFamily* family : {&vit_family(), &deit_family(), &dinov2_family()}) {
        if (std::ranges::find(family->model_types, config.model_type) != family->model_types.end()) return family;
    }
    return nullptr;
}

VisionShape vision_shape(const ModelConfig& config, std::size_t extra_tokens, double epsilon) {
    VisionShape result{.layers = {}, .extra_tokens = extra_tokens};
    DecoderShape& shape = result.layers;
    const std::size_t channels = config.size("num_channels", 1, kMaxFeatures, kChannels);
    require<FormatError>(channels == kChannels, "{}: 'num_channels' is {}, but images have red, green and blue",
                         config.label, channels);
    result.image = config.size("image_size", 1, kMaxImageSide, 224);
    result.patch = config.size("patch_size", 1, kMaxImageSide, 16);
    require<FormatError>(result.image % result.patch == 0, "{}: images of {} pixels do not divide into patches of {}",
                         config.label, result.image, result.patch);
    shape.width = config.size("hidden_size", 1, kMaxFeatures, 768);
    shape.layers = config.size("num_hidden_layers", 1, kMaxNodes, 12);
    shape.heads = config.size("num_attention_heads", 1, kMaxFeatures, 12);
    shape.key_heads = shape.heads;
    require<FormatError>(shape.width % shape.heads == 0, "{}: {} heads do not divide a width of {}", config.label,
                         shape.heads, shape.width);
    shape.head_width = shape.width / shape.heads;
    shape.vocabulary = config.labels.size();
    shape.positions = result.tokens();
    require<FormatError>(shape.positions <= kMaxContext, "{}: {} patches are more than a model of {} tokens has",
                         config.label, result.patches(), kMaxContext);
    shape.norm = NormKind::layer_norm;
    shape.epsilon = config.number("layer_norm_eps", 0, 1, epsilon);
    shape.activation = activation_of(config, "hidden_act");
    shape.score_scales.assign(shape.layers, 1 / std::sqrt(static_cast<double>(shape.head_width)));
    const auto bias = config.document.find("qkv_bias");
    shape.attention_bias =
        bias == config.document.end() || bias->is_null() || Fields(config.document, config.label).boolean("qkv_bias");
    shape.causal = false;
    return result;
}

VisionTables vision_tables(CheckpointWeights& weights, const VisionShape& shape,
                           std::span<const std::string_view> extra) {
    const std::size_t width = shape.layers.width;
    const std::string projection = "embeddings.patch_embeddings.projection";
    const std::size_t pixels = kChannels * shape.patch * shape.patch;
    VisionTables tables;
    const Matrix patches{width, pixels,
                         weights.tensor(projection + ".weight", {width, kChannels, shape.patch, shape.patch})};
    tables.patches = {transposed(patches), weights.vector(projection + ".bias", width)};
    tables.extra = {extra.size(), width, {}};
    for (const std::string_view name : extra) {
        const std::vector<float> row = weights.tensor("embeddings." + std::string(name), {1, 1, width});
        tables.extra.values.insert(tables.extra.values.end(), row.begin(), row.end());
    }
    tables.positions = {shape.tokens(), width,
                        weights.tensor("embeddings.position_embeddings", {1, shape.tokens(), width})};
    tables.final_norm = weights.norm("layernorm", width);
    return tables;
}

void read_attention(CheckpointWeights& weights, const VisionShape& shape, const std::string& name,
                    DecoderLayer& layer) {
    const std::size_t width = shape.layers.width;
    const auto map = [&](const std::string& part) {
        const std::string whole = name + ".attention." + part;
        if (shape.layers.attention_bias) return weights.linear(whole, width, width);
        return LinearWeights{transposed(weights.matrix(whole + ".weight", width, width)), {}};
    };
    layer.query = map("query");
    layer.key = map("key");
    layer.value = map("value");
    layer.output = weights.linear(name + ".output.dense", width, width);
}

}  // namespace polyformer::model
