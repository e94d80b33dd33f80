// One more linear map behind an encoder: a classifier, or the documents of an index.
#pragma once

#include <string>
#include <vector>

#include "polyformer/model/graph/graph.h"

namespace polyformer::tasks {

/// The encoder's graph with a map behind its vector, (1, features) → (1, outputs), as node `name`; the weight is
/// (features, outputs), the bias of `outputs` numbers or none. `bound` is the largest |output| to expect, margin
/// included. Throws Error when the graph does not give one vector of as many features, or has such a node.
model::Graph with_map_behind(model::Graph encoder, const std::string& name, model::Matrix weight,
                             std::vector<float> bias, double bound);

}  // namespace polyformer::tasks
