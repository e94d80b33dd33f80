// Changes to a graph that others' references must follow.
#pragma once

#include <vector>

#include "polyformer/model/graph/graph.h"

namespace polyformer::model {

/// Puts `nodes` before the node at `place`, which moves up with all behind it; whatever reads one of these follows. The
/// new nodes name what they read by the numbers that hold afterwards.
void insert_nodes(Graph& graph, NodeId place, const std::vector<Node>& nodes);

}  // namespace polyformer::model
