// Circuit and schedule → the steps of a plan, ciphertext by ciphertext.
#pragma once

#include "polyformer/compile/circuit/circuit.h"
#include "polyformer/compile/plan/plan.h"
#include "polyformer/compile/schedule/level_search.h"

namespace polyformer::compile {

/// Fills inputs, steps and outputs of `plan`; baby-step numbers stay 1. Takes the circuit's matrices.
void expand(Circuit circuit, const Schedule& schedule, Plan& plan);

}  // namespace polyformer::compile
