// Weights of attention that their sums normalise later: what they, their sums and their values are divided by.
// Input: a graph, who reads each node, and bounds. Output: smaller bounds, and which slots may therefore leave [-1, 1].
#pragma once

#include <vector>

#include "polyformer/compile/analysis/facts.h"
#include "polyformer/compile/analysis/node_classes.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

/// Whether all that is made of a polynomial of scores is their square, and of that the weights of attention. A
/// square keeps small weights exact beside large ones: e^x as (e^(x/2))².
bool is_squared_for_attention(const model::Graph& graph, const std::vector<NodeFacts>& facts, model::NodeId id);

/// The greatest weight that any text may have is thousands of times what most texts' add up to: over its bound a small
/// sum would be little more than the rounding of slots, and its inverse makes that large. Weights, their values and
/// their sums take the geometric middle of the sums' interval for a bound instead. Only bootstraps and polynomials need
/// slots within [-1, 1]; levels above 0 hold far larger ones. `sums`: nodes that share a bound.
void loosen_weights(const model::Graph& graph, const Classes& sums, std::vector<NodeFacts>& facts);

}  // namespace polyformer::compile
