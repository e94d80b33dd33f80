// Analysis: what the lowering must know of each node before it starts.
// Input: a graph and how its input is packed. Output: for each node who reads it and how, its bound and its layout.
#pragma once

#include <vector>

#include "polyformer/compile/analysis/facts.h"
#include "polyformer/compile/layout/packing.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

/// One entry a node; `packing` is the input's. Throws Error naming the node when a head does not fit, or tokens
/// cannot be merged.
std::vector<NodeFacts> analyse(const model::Graph& graph, const Packing& packing);

}  // namespace polyformer::compile
