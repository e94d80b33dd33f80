// What the primitives of encrypted inference cost on this machine, measured as they occur in a run: by the evaluator's
// own operations, on all threads, with operands and keys in turns so that they come from memory.
#pragma once

#include <functional>

#include "polyformer/calibration/timing.h"
#include "polyformer/ckks/scheme/parameters.h"
#include "polyformer/compile/plan/cost_model.h"

namespace polyformer::calibration {

/// Told the share that is done.
using CalibrationProgress = std::function<void(double share)>;

/// Costs on as many threads as there are now, of this machine. No keys are made: there is nothing to decrypt, and
/// times do not depend on what is computed. The median of several runs counts: by the clock, so that what threads wait
/// for each other is in it, or by processor time where others keep the machine busy meanwhile. Takes 3 to 6 seconds and
/// 0.4 GiB at N = 2^16; in small rings costs are of the caches. Throws Error when the parameters cannot bootstrap.
compile::CostModel measure_costs(const ckks::Parameters& parameters, const Effort& effort = {},
                                 const CalibrationProgress& progress = {});

}  // namespace polyformer::calibration
