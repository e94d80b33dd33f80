// Choice of keys: how many baby steps each map and product takes, so that all of them share few rotation keys.
// Input: steps with their levels. Output: the same steps with baby-step numbers, and the keys that they need.
#pragma once

#include <span>

#include "polyformer/ckks/scheme/key_request.h"
#include "polyformer/compile/layout/packing.h"
#include "polyformer/compile/plan/cost_model.h"
#include "polyformer/compile/plan/steps.h"

namespace polyformer::compile {

/// Sets `baby` of every linear map and rotated product in `steps`; returns the keys that the steps use, each at the
/// highest level that one of them uses it at, bootstrapping's among them. `packing` is the input's.
ckks::KeyRequest choose_keys(std::span<Step> steps, const Packing& packing, const ckks::Parameters& parameters,
                             const CostModel& costs);

/// Whether any of the steps is a bootstrap.
bool bootstraps(std::span<const Step> steps);

}  // namespace polyformer::compile
