// How a transform's butterfly stages are spread over levels and split into baby and giant steps: the cheapest way by a
// model of what rotations and products cost. Client and server both derive it, so it depends on parameters alone.
#pragma once

#include <cstddef>
#include <vector>

#include "polyformer/ckks/bootstrapping/dft_factors.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// The factors of a transform of `slots` slots, in the order in which they are applied: the first one to ciphertexts at
/// `level`, each one a level down. Throws Error unless `slots` is a power of two and `levels` in [1, level].
std::vector<DftGroup> plan_dft(const Parameters& parameters, std::size_t slots, int levels, DftDirection direction,
                               int level);

}  // namespace polyformer::ckks
