// What each value is divided by where it is stored.
// Input: a graph, and who reads each node. Output: the bound of each node's facts.
#pragma once

#include <vector>

#include "polyformer/compile/analysis/facts.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

/// Terms of sums share the largest of their bounds, but for a residual stream; a product's bound is the product of its
/// factors', where one of them can be scaled so that a sum's bound results, it is. Weights of attention that their sums
/// normalise take less than their bound (weight_bounds.h).
void choose_bounds(const model::Graph& graph, std::vector<NodeFacts>& facts);

}  // namespace polyformer::compile
