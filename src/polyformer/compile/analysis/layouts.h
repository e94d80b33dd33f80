// Where each value lies.
// Input: a graph, its packings, and who reads each node. Output: the layout of each node's facts.
#pragma once

#include <vector>

#include "polyformer/compile/analysis/facts.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

/// Scores that are read together: they share lanes wide enough for the widest head of query and value.
/// Throws Error naming the node when a head does not fit.
void choose_score_layouts(const model::Graph& graph, std::vector<NodeFacts>& facts);

/// Values tied by elementwise operations share a layout. Needs those of scores.
void choose_layouts(const model::Graph& graph, std::vector<NodeFacts>& facts);

}  // namespace polyformer::compile
