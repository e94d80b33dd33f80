// DistilBERT: BERT's layers under other names, without token types and without a pooler.
#include <array>

#include "polyformer/model/families/encoder_family.h"
#include "polyformer/model/graph/limits.h"

namespace polyformer::model {

namespace {

constexpr std::array<std::string_view, 1> model_types = {"distilbert"};
constexpr std::array<std::string_view, 4> unused = {"embeddings.position_ids", "vocab_transform.", "vocab_layer_norm.",
                                                    "vocab_projector."};

EncoderShape shape_of(const ModelConfig& config) {
    return {.width = config.size("dim", 1, kMaxFeatures),
            .layers = config.size("n_layers", 1, kMaxNodes),
            .heads = config.size("n_heads", 1, kMaxFeatures),
            .hidden = config.size("hidden_dim", 1, kMaxFeatures),
            .vocabulary = config.size("vocab_size", 1, kMaxFeatures),
            .types = 0,
            .positions = config.size("max_position_embeddings", 1, kMaxContext),
            .first_position = 0,
            .epsilon = 1e-12,
            .activation = activation_of(config, "activation")};
}

EncoderLayer read_layer(CheckpointWeights& weights, const EncoderShape& shape, const std::string& name) {
    const std::size_t width = shape.width;
    return {.query = weights.linear(name + ".attention.q_lin", width, width),
            .key = weights.linear(name + ".attention.k_lin", width, width),
            .value = weights.linear(name + ".attention.v_lin", width, width),
            .output = weights.linear(name + ".attention.out_lin", width, width),
            .attention_norm = weights.norm(name + ".sa_layer_norm", width),
            .up = weights.linear(name + ".ffn.lin1", width, shape.hidden),
            .down = weights.linear(name + ".ffn.lin2", shape.hidden, width),
            .feed_forward_norm = weights.norm(name + ".output_layer_norm", width)};
}

EncoderWeights read_encoder(CheckpointWeights& weights, const EncoderShape& shape) {
    return encoder_weights(weights, shape, "transformer.layer", read_layer);
}

MaskedLanguageHead read_masked_language_head(CheckpointWeights& weights, const EncoderShape& shape,
                                             const ModelConfig& config, const Matrix& tokens) {
    return {.transform = weights.linear("vocab_transform", shape.width, shape.width),
            .activation = shape.activation,
            .norm = weights.norm("vocab_layer_norm", shape.width),
            .logits = token_logits(weights, shape, config, tokens, "vocab_projector", "vocab_projector.bias")};
}

ClassifierHead read_classifier(CheckpointWeights& weights, const EncoderShape& shape, std::size_t classes) {
    return {.pooler = weights.linear("pre_classifier", shape.width, shape.width),
            .activation = "relu",
            .logits = weights.linear("classifier", shape.width, classes)};
}

}  // namespace

const EncoderFamily& distilbert_family() {
    static constexpr EncoderFamily family{.model_types = model_types,
                                          .prefix = "distilbert.",
                                          .unused = unused,
                                          .shape = shape_of,
                                          .encoder = read_encoder,
                                          .masked_language_head = read_masked_language_head,
                                          .classifier = read_classifier};
    return family;
}

}  // namespace polyformer::model
