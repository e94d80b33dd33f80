// Search for levels: the level of every gate and the place of every bootstrap, by shortest path. Labels are the levels
// of live bundles with the least seconds that lead there; a label that another one beats in every level and in cost is
// dropped.
// Input: a circuit, and what its gates cost at each level. Output: a schedule.
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

/// The level of every gate, what is bootstrapped before it, and the seconds of all of it.
struct Schedule {
    std::vector<GateSchedule> gates;  ///< one for each of the circuit's, in their order
    int input_level = 0;              ///< of the request's ciphertexts
    double seconds = 0;               ///< estimate for the whole circuit
};

/// With `highest_input_level`, the input starts no higher. Deterministic. Throws Error naming the gate that cannot be
/// reached, the levels it needs and what there is.
Schedule choose_levels(const Circuit& circuit, const ckks::Parameters& parameters, const CostModel& costs,
                       const Packing& packing, std::optional<int> highest_input_level = std::nullopt);

}  // namespace polyformer::compile
