// A family of encoders: what its config calls the sizes, what its checkpoints call the weights. One short source each.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "polyformer/model/checkpoints/checkpoint_weights.h"
#include "polyformer/model/checkpoints/model_config.h"
#include "polyformer/model/families/encoder_weights.h"

namespace polyformer::model {

/// Names and shapes, as functions of the config. Those that read weights throw what CheckpointWeights does.
struct EncoderFamily {
    std::span<const std::string_view> model_types;  ///< as config.json has it
    std::string_view prefix;                        ///< before the encoder's tensors where a head was saved with them
    /// Beginnings of the names of tensors that lie beside the encoder and its head and change nothing: positions
    /// counted out, heads of other tasks.
    std::span<const std::string_view> unused;
    EncoderShape (*shape)(const ModelConfig&);
    EncoderWeights (*encoder)(CheckpointWeights&, const EncoderShape&);
    MaskedLanguageHead (*masked_language_head)(CheckpointWeights&, const EncoderShape&, const ModelConfig&,
                                               const Matrix& tokens);
    ClassifierHead (*classifier)(CheckpointWeights&, const EncoderShape&, std::size_t classes);
};

/// BERT: MiniLM, BGE, E5, GTE of that shape.
const EncoderFamily& bert_family();
const EncoderFamily& distilbert_family();
/// RoBERTa, XLM-RoBERTa, CamemBERT.
const EncoderFamily& roberta_family();

/// The family of config.json's model_type. Throws FormatError listing those that are known.
const EncoderFamily& find_family(const ModelConfig& config);

/// The logits of a masked language model: `name`.weight, or, tied, the transpose of the tokens' embeddings; and
/// `name`.bias, or, where it has none, `bias`.
LinearWeights token_logits(CheckpointWeights& weights, const EncoderShape& shape, const ModelConfig& config,
                           const Matrix& tokens, const std::string& name, const std::string& bias);

/// The tables of embeddings, which all families call alike, and the layers: read_layer reads the one of such a name,
/// `layers`.N.
EncoderWeights encoder_weights(CheckpointWeights& weights, const EncoderShape& shape, std::string_view layers,
                               EncoderLayer (*read_layer)(CheckpointWeights& weights, const EncoderShape& shape,
                                                          const std::string& name));

}  // namespace polyformer::model
