// Lowering: layouts chosen, constants folded, attention turned into rotated products.
// Input: a model's graph and how its input is packed. Output: a circuit, whose gates have no levels yet.
#pragma once

#include "polyformer/compile/circuit/circuit.h"
#include "polyformer/compile/layout/packing.h"
#include "polyformer/compile/plan/options.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

/// Where a factor that all features of a token share (a norm's 1/√variance) is multiplied: into what a linear map
/// reads, or into what it gives. Behind the map it may come a level later, for as many products as the map has outputs.
enum class TokenFactors { before_maps, behind_attention_maps, behind_all_maps };

/// Throws Error naming the node that does not fit the packing. The graph must be sound (model::validate).
Circuit lower(const model::Graph& graph, const Packing& packing, Positions positions, TokenFactors factors);

}  // namespace polyformer::compile
