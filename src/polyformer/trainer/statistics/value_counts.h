// How many of many values lie in each of equal bins: a large part of what measuring ranges takes.
#pragma once

#include <span>

namespace polyformer::train {

/// Adds to `counts` how many values lie in each of its bins, which part [−reach, reach] evenly. The outermost also take
/// what lies beyond, the first one what is not a number. On as many threads as LibTorch has.
void add_counts(std::span<const float> values, float reach, std::span<double> counts);

}  // namespace polyformer::train
