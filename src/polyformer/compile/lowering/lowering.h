// Model → circuit: layouts chosen, constants folded, attention turned into rotated products.
#pragma once

#include "polyformer/compile/circuit/circuit.h"
#include "polyformer/compile/layout/packing.h"
#include "polyformer/compile/plan/plan.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

/// T is the context rounded up to a power of two. Throws Error when `images` is no power of two, or even one feature a
/// token does not fit.
Packing choose_packing(std::size_t slots, std::size_t context, std::size_t images = 1);

/// Where a factor that all features of a token share (a norm's 1/√variance) is multiplied: into what a linear map
/// reads, or into what it gives. Behind the map it may come a level later, for as many products as the map has outputs.
enum class TokenFactors { before_maps, behind_attention_maps, behind_all_maps };

/// Throws Error naming the node that does not fit the packing. The graph must be sound (model::validate).
Circuit lower(const model::Graph& graph, const Packing& packing, Positions positions, TokenFactors factors);

}  // namespace polyformer::compile
