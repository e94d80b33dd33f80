// Polynomials of each element.
#pragma once

#include "polyformer/compile/lowering/state.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

void lower(State& state, const model::Apply& apply);

/// factor · p + shift, `wanted` being these; without coefficients that are 0 at the end.
PolynomialGate polynomial_gate(const model::Apply& apply, const Constants& wanted);

}  // namespace polyformer::compile
