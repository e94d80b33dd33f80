// Public prefixes whose scores lie in the ciphertexts of the text's own scores, and share their polynomial.
// Input: a graph, and who reads each node. Output: the prefix of each node's facts.
#pragma once

#include <vector>

#include "polyformer/compile/analysis/facts.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

/// Finds them and changes how they are read. Where a prefix has polynomials of its own, or heads are not paired, it is
/// left as any other nodes are. Needs layouts of scores and bounds.
void find_prefixes(const model::Graph& graph, std::vector<NodeFacts>& facts);

/// All nodes in an order in which each comes after those that it reads, and weights after the scores of their prefix.
std::vector<model::NodeId> evaluation_order(const model::Graph& graph, const std::vector<NodeFacts>& facts);

}  // namespace polyformer::compile
