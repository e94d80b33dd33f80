// What the primitives of encrypted inference cost on this machine, measured as they occur in a run: by the evaluator's
// own operations, on all threads, with operands and keys in turns so that they come from memory.
#pragma once

#include <cstddef>
#include <functional>

#include "polyformer/ckks/scheme/parameters.h"
#include "polyformer/compile/plan/cost_model.h"

namespace polyformer::calibration {

/// How much of it, in all.
struct Effort {
    double seconds = 0.25;                      ///< at least, for each operation
    std::size_t runs = 4;                       ///< likewise
    std::size_t bytes = std::size_t{96} << 20;  ///< of ciphertexts that take turns, and as many of keys
};

/// Told the share that is done.
using CalibrationProgress = std::function<void(double share)>;

/// Costs on as many threads as there are now, of this machine. No keys are made: there is nothing to decrypt, and
/// times do not depend on what is computed. The fastest of several runs counts: by the clock, so that what threads wait
/// for each other is in it, or by processor time where others keep the machine busy meanwhile. Takes 3 to 6 seconds and
/// 0.4 GiB at N = 2^16; in small rings costs are of the caches. Throws Error when the parameters cannot bootstrap.
compile::CostModel measure_costs(const ckks::Parameters& parameters, const Effort& effort = {},
                                 const CalibrationProgress& progress = {});

}  // namespace polyformer::calibration
