// Levels of all gates and places of all bootstraps, by shortest path: labels are the levels of live bundles with the
// least seconds that lead there, and a label that another one beats in every level and in cost is dropped.
#pragma once

#include <optional>
#include <vector>

#include "polyformer/compile/circuit/circuit.h"
#include "polyformer/compile/schedule/costs.h"

namespace polyformer::compile {

/// What happens at one gate.
struct GateSchedule {
    std::vector<BundleId> refreshed;  ///< bootstrapped together just before the gate
    int level = 0;                    ///< of the gate's operands
};

struct Schedule {
    std::vector<GateSchedule> gates;
    int input_level = 0;
    double seconds = 0;
};

/// With `highest_input_level`, the input starts no higher. Deterministic. Throws Error naming the gate that cannot be
/// reached, the levels it needs and what there is.
Schedule choose_levels(const Circuit& circuit, const ckks::Parameters& parameters, const CostModel& costs,
                       const Packing& packing, std::optional<int> highest_input_level = std::nullopt);

}  // namespace polyformer::compile
