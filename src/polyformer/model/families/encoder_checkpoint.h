// Encoders as checkpoints: read to be trained on, and written again for `polyformer import`.
#pragma once

#include <array>
#include <filesystem>
#include <string_view>

#include "polyformer/model/checkpoints/sentence_modules.h"
#include "polyformer/model/families/encoder_weights.h"

namespace polyformer::model {

/// config.json's model_type of a BERT whose attention is pointwise, so that no other program takes it for softmax. It
/// has 'attention_function', and in each layer attention.self.shift.{weight,bias}, (heads, width).
inline constexpr std::string_view kPointwiseBert = "polyformer_bert";

/// What may stand there.
inline constexpr std::array<std::string_view, 2> pointwise_functions = {"sigmoid", "gelu"};

/// An encoder whose output is a vector for each text.
struct EncoderCheckpoint {
    EncoderShape shape;
    EncoderWeights weights;
    Pooling pooling = Pooling::mean;  ///< how tokens become one vector
};

/// Reads a folder that read_checkpoint() takes as a model of embeddings; throws as it does.
EncoderCheckpoint read_encoder(const std::filesystem::path& folder);

/// Writes a folder of the same kind as `original`, which the encoder came from, under BERT's names whatever its family:
/// config.json, model.safetensors, and what the original has beside them of tokenizer, sentence-transformers' settings,
/// model card and licence. `out` appears whole or not at all; it must not be there, or be empty. Throws IoError.
void write_encoder(const EncoderShape& shape, const EncoderWeights& weights, const std::filesystem::path& original,
                   const std::filesystem::path& out);

/// Throws Error unless write_encoder() may write there.
void require_no_folder(const std::filesystem::path& out);

}  // namespace polyformer::model
