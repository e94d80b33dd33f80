// RoBERTa, and what has its shape and names: XLM-RoBERTa, CamemBERT. Layers as BERT's; positions begin behind the
// padding token's row, and heads differ.
#include <array>

#include "polyformer/model/families/encoder_family.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

namespace {

constexpr std::array<std::string_view, 3> model_types = {"roberta", "xlm-roberta", "camembert"};
constexpr std::array<std::string_view, 4> unused = {"embeddings.position_ids", "embeddings.token_type_ids",
                                                    "pooler.dense.", "lm_head."};

EncoderShape shape_of(const ModelConfig& config) {
    EncoderShape shape = bert_family().shape(config);
    constexpr std::size_t kPadding = 1;
    shape.first_position = config.size("pad_token_id", 0, shape.vocabulary, kPadding) + 1;
    require<FormatError>(shape.positions > shape.first_position,
                         "{}: 'max_position_embeddings' is {}, but positions begin at row {}", config.label,
                         shape.positions, shape.first_position);
    shape.positions -= shape.first_position;
    return shape;
}

EncoderWeights read_encoder(CheckpointWeights& weights, const EncoderShape& shape) {
    return bert_family().encoder(weights, shape);
}

MaskedLanguageHead read_masked_language_head(CheckpointWeights& weights, const EncoderShape& shape,
                                             const ModelConfig& config, const Matrix& tokens) {
    return {.transform = weights.linear("lm_head.dense", shape.width, shape.width),
            .activation = "gelu",  // whatever the layers have
            .norm = weights.norm("lm_head.layer_norm", shape.width),
            .logits = token_logits(weights, shape, config, tokens, "lm_head.decoder", "lm_head.bias")};
}

ClassifierHead read_classifier(CheckpointWeights& weights, const EncoderShape& shape, std::size_t classes) {
    return {.pooler = weights.linear("classifier.dense", shape.width, shape.width),
            .activation = "tanh",
            .logits = weights.linear("classifier.out_proj", shape.width, classes)};
}

}  // namespace

const EncoderFamily& roberta_family() {
    static constexpr EncoderFamily family{.model_types = model_types,
                                          .prefix = "roberta.",
                                          .unused = unused,
                                          .shape = shape_of,
                                          .encoder = read_encoder,
                                          .masked_language_head = read_masked_language_head,
                                          .classifier = read_classifier};
    return family;
}

}  // namespace polyformer::model
