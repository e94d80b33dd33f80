// What will deviate from the exact answer, foreseen from a plan alone.
#pragma once

#include "polyformer/compile/plan/plan.h"

namespace polyformer::runtime {

/// Standard deviation of a logit from the exact one, in the logits' units, for a request that fills the context. An
/// estimate: within a factor of kForeseenWithin of what is measured (tests/runtime), but for models whose bounds lie
/// far beyond what is usual, as a few huge features of pretrained ones make them: there it is too high, and cut.
double foreseen_noise(const compile::Plan& plan);

inline constexpr double kForeseenWithin = 4;
/// Of an output over its bound, at most: what is made to be used does not deviate by more.
inline constexpr double kMostNoise = 0x1p-12;

}  // namespace polyformer::runtime
