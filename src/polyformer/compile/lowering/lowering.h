// Lowering: layouts chosen, constants folded, attention turned into rotated products.
// Input: a model's graph and how its input is packed. Output: a circuit, whose gates have no levels yet.
#pragma once

#include "polyformer/compile/analysis/token_factors.h"
#include "polyformer/compile/circuit/circuit.h"
#include "polyformer/compile/circuit/linear_maps.h"
#include "polyformer/compile/layout/packing.h"
#include "polyformer/compile/plan/options.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

/// Throws Error naming the node that does not fit the packing. The graph must be sound (model::validate).
Circuit lower(const model::Graph& graph, const Packing& packing, Positions positions, TokenFactors factors,
              Diagonals diagonals = Diagonals::with_values);

}  // namespace polyformer::compile
