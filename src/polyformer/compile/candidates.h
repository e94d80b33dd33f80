// Compiling with a choice of lowerings: the cheapest by estimate becomes the plan.
#pragma once

#include <span>

#include "polyformer/compile/lowering/lowering.h"
#include "polyformer/compile/plan/plan.h"

namespace polyformer::compile {

/// compile() with these places of tokens' factors only, at least one; compile() itself tries all. Throws as it does.
Plan compile_cheapest(const model::Graph& graph, const PlanOptions& options, std::span<const TokenFactors> places);

}  // namespace polyformer::compile
