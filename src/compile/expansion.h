// Circuit and schedule → the steps of a plan, ciphertext by ciphertext.
#pragma once

#include "compile/circuit.h"
#include "compile/level_search.h"
#include "compile/plan.h"

namespace polyformer::compile {

/// Fills inputs, steps and outputs of `plan`; baby-step numbers stay 1. Takes the circuit's matrices.
void expand(Circuit circuit, const Schedule& schedule, Plan& plan);

}  // namespace polyformer::compile
