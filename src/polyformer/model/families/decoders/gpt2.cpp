// GPT-2: LayerNorm, learned positions, query, key and value as one map, weights kept as (inputs, outputs).
#include <array>
#include <cmath>

#include "polyformer/model/families/decoders/decoder_family.h"
#include "polyformer/model/graph/limits.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

namespace {

constexpr std::array<std::string_view, 1> model_types = {"gpt2"};

DecoderShape shape_of(const ModelConfig& config, std::size_t) {
    DecoderShape shape;
    shape.width = config.size("n_embd", 1, kMaxFeatures);
    shape.layers = config.size("n_layer", 1, kMaxNodes);
    shape.heads = config.size("n_head", 1, kMaxFeatures);
    shape.key_heads = shape.heads;
    require<FormatError>(shape.width % shape.heads == 0, "{}: {} heads do not divide a width of {}", config.label,
                         shape.heads, shape.width);
    shape.head_width = shape.width / shape.heads;
    shape.hidden = config.size("n_inner", 1, kMaxFeatures, 4 * shape.width);
    shape.vocabulary = config.size("vocab_size", 1, kMaxFeatures);
    shape.positions = config.size("n_positions", 1, kMaxContext, 1024);
    shape.norm = NormKind::layer_norm;
    shape.epsilon = config.number("layer_norm_epsilon", 0, 1, 1e-5);
    shape.activation = activation_of(config, "activation_function", "gelu_new");
    const double scale =
        config.flag("scale_attn_weights", true) ? 1 / std::sqrt(static_cast<double>(shape.head_width)) : 1;
    const bool by_layer = config.flag("scale_attn_by_inverse_layer_idx", false);
    for (std::size_t i = 0; i < shape.layers; ++i) {
        shape.score_scales.push_back(by_layer ? scale / static_cast<double>(i + 1) : scale);
    }
    shape.attention_bias = shape.output_bias = shape.feed_forward_bias = true;
    shape.tied = tied(config, true);
    return shape;
}

LinearWeights map(CheckpointWeights& weights, const std::string& name, std::size_t inputs, std::size_t outputs) {
    return {weights.matrix(name + ".weight", inputs, outputs), weights.vector(name + ".bias", outputs)};
}

/// `count` outputs of a map.
LinearWeights outputs_of(const LinearWeights& whole, std::size_t first, std::size_t count) {
    const std::size_t columns = whole.weight.columns;
    LinearWeights part{{whole.weight.rows, count, {}}, {}};
    part.weight.values.reserve(whole.weight.rows * count);
    const auto append = [&](std::vector<float>& to, const std::vector<float>& from, std::size_t start) {
        const auto begin = from.begin() + static_cast<std::ptrdiff_t>(start + first);
        to.insert(to.end(), begin, begin + static_cast<std::ptrdiff_t>(count));
    };
    for (std::size_t i = 0; i < whole.weight.rows; ++i) append(part.weight.values, whole.weight.values, i * columns);
    append(part.bias, whole.bias, 0);
    return part;
}

DecoderTables read_tables(CheckpointWeights& weights, const DecoderShape& shape) {
    return {.tokens = weights.matrix("wte.weight", shape.vocabulary, shape.width),
            .positions = weights.matrix("wpe.weight", shape.positions, shape.width),
            .final_norm = weights.norm("ln_f", shape.width)};
}

DecoderLayer read_layer(CheckpointWeights& weights, const DecoderShape& shape, std::size_t index) {
    const std::string name = fmt::format("h.{}.", index);
    const std::size_t width = shape.width;
    const LinearWeights merged = map(weights, name + "attn.c_attn", width, 3 * width);
    return {.attention_norm = weights.norm(name + "ln_1", width),
            .query = outputs_of(merged, 0, width),
            .key = outputs_of(merged, width, width),
            .value = outputs_of(merged, 2 * width, width),
            .output = map(weights, name + "attn.c_proj", width, width),
            .feed_forward_norm = weights.norm(name + "ln_2", width),
            .up = map(weights, name + "mlp.c_fc", width, shape.hidden),
            .down = map(weights, name + "mlp.c_proj", shape.hidden, width)};
}

/// Old checkpoints keep the mask that makes attention look back.
std::vector<std::string> unused(const DecoderShape& shape) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < shape.layers; ++i) {
        names.push_back(fmt::format("h.{}.attn.bias", i));
        names.push_back(fmt::format("h.{}.attn.masked_bias", i));
    }
    return names;
}

}  // namespace

const DecoderFamily& gpt2_family() {
    static constexpr DecoderFamily family{.model_types = model_types,
                                          .architecture = "LMHeadModel",
                                          .prefix = "transformer.",
                                          .unused = unused,
                                          .shape = shape_of,
                                          .tables = read_tables,
                                          .layer = read_layer};
    return family;
}

}  // namespace polyformer::model
