// BERT, and what has its shape and names: MiniLM, BGE, E5, GTE; our own with pointwise attention.
#include <algorithm>
#include <array>

#include "polyformer/model/families/encoder_checkpoint.h"
#include "polyformer/model/families/encoder_family.h"
#include "polyformer/model/graph/limits.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

namespace {

constexpr std::array<std::string_view, 2> model_types = {"bert", kPointwiseBert};
constexpr std::array<std::string_view, 3> unused = {"embeddings.position_ids", "pooler.dense.", "cls."};

std::string attention_function_of(const ModelConfig& config) {
    if (config.model_type != kPointwiseBert) return {};
    const std::string name = config.text("attention_function", "");
    require<FormatError>(std::ranges::find(pointwise_functions, name) != pointwise_functions.end(),
                         "{}: 'attention_function' is '{}', but pointwise attention takes {}", config.label, name,
                         fmt::join(pointwise_functions, " or "));
    return name;
}

EncoderShape shape_of(const ModelConfig& config) {
    return {.width = config.size("hidden_size", 1, kMaxFeatures),
            .layers = config.size("num_hidden_layers", 1, kMaxNodes),
            .heads = config.size("num_attention_heads", 1, kMaxFeatures),
            .hidden = config.size("intermediate_size", 1, kMaxFeatures),
            .vocabulary = config.size("vocab_size", 1, kMaxFeatures),
            .types = config.size("type_vocab_size", 1, kMaxFeatures, 2),
            .positions = config.size("max_position_embeddings", 1, kMaxContext),
            .first_position = 0,
            .epsilon = config.number("layer_norm_eps", 0, 1, 1e-12),
            .activation = activation_of(config, "hidden_act"),
            .attention_function = attention_function_of(config)};
}

EncoderLayer read_layer(CheckpointWeights& weights, const EncoderShape& shape, const std::string& name) {
    const std::size_t width = shape.width;
    return {.query = weights.linear(name + ".attention.self.query", width, width),
            .key = weights.linear(name + ".attention.self.key", width, width),
            .value = weights.linear(name + ".attention.self.value", width, width),
            .output = weights.linear(name + ".attention.output.dense", width, width),
            .attention_norm = weights.norm(name + ".attention.output.LayerNorm", width),
            .up = weights.linear(name + ".intermediate.dense", width, shape.hidden),
            .down = weights.linear(name + ".output.dense", shape.hidden, width),
            .feed_forward_norm = weights.norm(name + ".output.LayerNorm", width),
            .shift = shape.attention_function.empty()
                         ? LinearWeights{}
                         : weights.linear(name + ".attention.self.shift", width, shape.heads)};
}

EncoderWeights read_encoder(CheckpointWeights& weights, const EncoderShape& shape) {
    return encoder_weights(weights, shape, "encoder.layer", read_layer);
}

MaskedLanguageHead read_masked_language_head(CheckpointWeights& weights, const EncoderShape& shape,
                                             const ModelConfig& config, const Matrix& tokens) {
    const std::string name = "cls.predictions";
    return {.transform = weights.linear(name + ".transform.dense", shape.width, shape.width),
            .activation = shape.activation,
            .norm = weights.norm(name + ".transform.LayerNorm", shape.width),
            .logits = token_logits(weights, shape, config, tokens, name + ".decoder", name + ".bias")};
}

ClassifierHead read_classifier(CheckpointWeights& weights, const EncoderShape& shape, std::size_t classes) {
    return {.pooler = weights.linear("pooler.dense", shape.width, shape.width),
            .activation = "tanh",
            .logits = weights.linear("classifier", shape.width, classes)};
}

}  // namespace

const EncoderFamily& bert_family() {
    static constexpr EncoderFamily family{.model_types = model_types,
                                          .prefix = "bert.",
                                          .unused = unused,
                                          .shape = shape_of,
                                          .encoder = read_encoder,
                                          .masked_language_head = read_masked_language_head,
                                          .classifier = read_classifier};
    return family;
}

}  // namespace polyformer::model
