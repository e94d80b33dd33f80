// Carries out the distillation that a folder describes (train/distillation/distil_request.h).
#pragma once

#include "polyformer/trainer/stages.h"

namespace polyformer::train {

/// Trains the student, measures it on the texts held out and writes its folder. Returns whether that is done: not when
/// an InterruptionGuard's signal came. Throws DivergenceError; Error for prepared texts that do not fit; IoError when
/// another process works in the folder.
bool carry_out_distillation(const StagesOptions& options);

}  // namespace polyformer::train
