// From a decoder's config and weights to its graph and the client's embedding.
#pragma once

#include <cstddef>
#include <filesystem>

#include "polyformer/model/checkpoints/model_config.h"
#include "polyformer/model/graph/graph.h"
#include "polyformer/model/language/embedding.h"

namespace polyformer::model {

/// What read_decoder() makes of a checkpoint.
struct DecoderModel {
    Graph graph;  ///< as build_decoder() describes it
    Embedding embedding;
};

/// Whether config.json is of a family that predicts the next token.
bool is_decoder(const ModelConfig& config);

/// `checkpoint` is where `config` came from. Refuses by name what cannot be imported, and only then reads weights.
/// Throws FormatError naming file and field or tensor, Error for a context beyond the model's positions.
DecoderModel read_decoder(const std::filesystem::path& checkpoint, const ModelConfig& config, std::size_t context);

}  // namespace polyformer::model
