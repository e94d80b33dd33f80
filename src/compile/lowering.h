// Model → circuit: layouts chosen, constants folded, attention turned into rotated products.
#pragma once

#include "compile/circuit.h"
#include "compile/packing.h"
#include "compile/plan.h"
#include "model/graph.h"

namespace polyformer::compile {

/// T is the context rounded up to a power of two. Throws Error when even one feature a token does not fit.
Packing choose_packing(std::size_t slots, std::size_t context);

/// Throws Error naming the node that does not fit the packing. The graph must be sound (model::validate).
Circuit lower(const model::Graph& graph, const Packing& packing, Positions positions);

}  // namespace polyformer::compile
