// Who reads each node, and how.
// Input: a graph. Output: the uses of each node's facts.
#pragma once

#include <vector>

#include "polyformer/compile/analysis/facts.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

/// Needs shapes; sets `uses`, `absorbed` and `is_output`.
void find_uses(const model::Graph& graph, std::vector<NodeFacts>& facts);

}  // namespace polyformer::compile
