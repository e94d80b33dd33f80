// A graph as text and tensors: graph.json holds the structure, the polynomials and the bounds, one node a line;
// weights.safetensors the matrices as "<node>.weight" (of a linear map), "<node>.weights" (of mixed tokens),
// "<node>.bias", "<node>.factors" (of scaled features), "<node>.values" (of an added constant) and "<node>.mask".
#pragma once

#include <string>
#include <string_view>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/graph/safetensors.h"

namespace polyformer::model {

/// The text of graph.json, the graph's fingerprint in it. The graph must be sound.
std::string graph_to_json(const Graph& graph);

/// The graph's arrays by the names they have in weights.safetensors; refers to the graph's memory.
FloatTensorViews weights_of(const Graph& graph);

/// The inverse of both; `label` names the text in messages. Throws FormatError for anything that is not a sound graph
/// whose fingerprint is the one written, with every tensor used.
Graph graph_from_json(std::string_view text, FloatTensors weights, const std::string& label);

}  // namespace polyformer::model
