// Rotary positions: by how much a token turns each pair of a head's features, as config.json says.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "polyformer/model/checkpoints/model_config.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::model {

/// Radians a token for each of `head_width` / 2 pairs, from rope_theta and rope_scaling, or rope_parameters: unscaled,
/// "linear" or "llama3". Throws FormatError naming any other scaling, and what is missing or out of range.
std::vector<double> rotary_frequencies(const ModelConfig& config, std::size_t head_width);

/// (tokens, pairs): those of places 0 to tokens − 1.
Matrix rotary_angles(std::span<const double> frequencies, std::size_t tokens);

}  // namespace polyformer::model
