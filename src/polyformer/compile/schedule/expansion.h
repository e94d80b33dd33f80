// Expansion: a gate on bundles becomes steps on ciphertexts.
// Input: a circuit and its schedule. Output: the steps of a plan with their levels; baby-step numbers are all still 1.
#pragma once

#include <vector>

#include "polyformer/compile/circuit/circuit.h"
#include "polyformer/compile/plan/steps.h"
#include "polyformer/compile/schedule/level_search.h"

namespace polyformer::compile {

/// Steps in order of evaluation, and the ciphertexts that they start from and end with.
struct ExpandedCircuit {
    std::vector<ValueId> inputs;
    std::vector<Step> steps;
    std::vector<ValueId> outputs;
};

/// `working_level` is where bootstraps lead. Takes the circuit's matrices.
ExpandedCircuit expand(Circuit circuit, const Schedule& schedule, int working_level);

}  // namespace polyformer::compile
