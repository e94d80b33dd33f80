// Which machine this is, as far as speed goes.
#pragma once

#include "polyformer/compile/plan/cost_model.h"
#include "polyformer/support/system/process.h"

namespace polyformer::calibration {

/// This processor and the kernels in use. Throws Error when those that POLYFORMER_KERNELS names are not to be had.
compile::Machine this_machine();

/// Processor seconds of all programs but this one since it was made.
class OthersWork {
  public:
    OthersWork();
    /// By seconds passed and processors; 0 where the system does not say.
    double share() const;

  private:
    double busy_;
    double own_;
    Stopwatch watch_;
};

}  // namespace polyformer::calibration
