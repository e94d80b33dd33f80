// Choice of keys: how many baby steps each map and product takes, and by which keys, so that all of them share few; and
// what bootstrapping's transforms may cost for fewer.
// Input: steps with their levels. Output: the same steps with baby-step numbers, and the keys that they need.
#pragma once

#include <span>

#include "polyformer/ckks/scheme/key_request.h"
#include "polyformer/compile/layout/packing.h"
#include "polyformer/compile/plan/cost_model.h"
#include "polyformer/compile/plan/steps.h"

namespace polyformer::compile {

/// The keys of a plan.
struct KeyChoice {
    /// That the steps use, each at the highest level that one of them uses it at, bootstrapping's among them.
    ckks::KeyRequest keys;
    double bootstrap_key_price = 0;  ///< ckks::Bootstrapper's
};

/// Sets baby-step numbers, pairings and what saves keys of every linear map and rotated product in `steps`. A byte of
/// keys on disk is worth `seconds_per_byte` of all steps' time. `packing` is the input's.
KeyChoice choose_keys(std::span<Step> steps, const Packing& packing, const ckks::Parameters& parameters,
                      const CostModel& costs, double seconds_per_byte);

/// How many of the steps are bootstraps.
std::size_t bootstraps(std::span<const Step> steps);

}  // namespace polyformer::compile
