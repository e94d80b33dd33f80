// What a plan will take, counted before anything runs.
// Input: a plan with its steps and keys. Output: the seconds of its steps, and its summary.
#pragma once

#include "polyformer/compile/plan/plan.h"

namespace polyformer::compile {

/// Sets the steps' seconds and plan.summary; nothing is chosen any more.
void summarise(Plan& plan);

}  // namespace polyformer::compile
