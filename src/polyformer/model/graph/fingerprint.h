// What binds a plan, a request or a reply to the model that it was made for.
#pragma once

#include <string>

#include "polyformer/model/graph/graph.h"

namespace polyformer::model {

/// BLAKE2b-256, in hex, of everything in the graph: shapes, names, operations, weights, polynomials and bounds.
std::string fingerprint(const Graph& graph);

}  // namespace polyformer::model
