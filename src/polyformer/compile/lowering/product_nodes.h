// Sums and products of two values.
#pragma once

#include "polyformer/compile/lowering/state.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

void lower(State& state, const model::Add& add);
void lower(State& state, const model::Multiply& product);

}  // namespace polyformer::compile
