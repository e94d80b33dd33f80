#include "polyformer/model/families/encoder_family.h"

#include <algorithm>
#include <array>
#include <vector>

#include "polyformer/model/families/decoders/decoder_family.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

namespace {

/// The table of positions from the first token's on, and the first type's row added to each.
Matrix position_table(CheckpointWeights& weights, const EncoderShape& shape) {
    const std::size_t width = shape.width;
    Matrix table =
        weights.matrix("embeddings.position_embeddings.weight", shape.first_position + shape.positions, width);
    table.values.erase(table.values.begin(),
                       table.values.begin() + static_cast<std::ptrdiff_t>(shape.first_position * width));
    table.rows = shape.positions;
    if (shape.types == 0) return table;
    const Matrix types = weights.matrix("embeddings.token_type_embeddings.weight", shape.types, width);
    for (std::size_t i = 0; i < table.values.size(); ++i) table.values[i] += types.values[i % width];
    return table;
}

}  // namespace

const EncoderFamily& find_family(const ModelConfig& config) {
    const std::array families{&bert_family(), &distilbert_family(), &roberta_family()};
    std::vector<std::string_view> known;
    for (const EncoderFamily* family : families) {
        if (std::ranges::find(family->model_types, config.model_type) != family->model_types.end()) return *family;
        known.insert(known.end(), family->model_types.begin(), family->model_types.end());
    }
    const std::vector<std::string_view> decoders = decoder_model_types();
    known.insert(known.end(), decoders.begin(), decoders.end());
    fail<FormatError>("{}: 'model_type' is '{}', a family that cannot be imported; {} can", config.label,
                      config.model_type, fmt::join(known, ", "));
}

LinearWeights token_logits(CheckpointWeights& weights, const EncoderShape& shape, const ModelConfig& config,
                           const Matrix& tokens, const std::string& name, const std::string& bias) {
    LinearWeights logits;
    const bool tied = config.tied && !weights.contains(name + ".weight");
    logits.weight = transposed(tied ? tokens : weights.matrix(name + ".weight", shape.vocabulary, shape.width));
    // Both are there where they are one, or where they are not tied and the map's own is added.
    const std::string own = name + ".bias";
    logits.bias = weights.vector(weights.contains(own) ? own : bias, shape.vocabulary);
    return logits;
}

EncoderWeights encoder_weights(CheckpointWeights& weights, const EncoderShape& shape, std::string_view layers,
                               EncoderLayer (*read_layer)(CheckpointWeights& weights, const EncoderShape& shape,
                                                          const std::string& name)) {
    EncoderWeights result;
    result.tokens = weights.matrix("embeddings.word_embeddings.weight", shape.vocabulary, shape.width);
    result.positions = position_table(weights, shape);
    result.embedding_norm = weights.norm("embeddings.LayerNorm", shape.width);
    for (std::size_t i = 0; i < shape.layers; ++i) {
        result.layers.push_back(read_layer(weights, shape, fmt::format("{}.{}", layers, i)));
    }
    return result;
}

}  // namespace polyformer::model
