// Keys and totals of a plan whose steps are known.
#pragma once

#include "polyformer/compile/plan/plan.h"

namespace polyformer::compile {

/// Chooses the baby-step numbers of all steps so that they share rotation keys, then sets plan.keys, the steps' seconds
/// and plan.summary.
void choose_keys_and_summarise(Plan& plan);

}  // namespace polyformer::compile
