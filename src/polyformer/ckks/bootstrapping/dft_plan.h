// How a transform's butterfly stages are spread over levels and split into baby and giant steps: the cheapest way by a
// model of what rotations and products cost. Client and server both derive it, so it depends on parameters alone.
#pragma once

#include <cstddef>
#include <vector>

#include "polyformer/ckks/bootstrapping/dft_factors.h"
#include "polyformer/ckks/scheme/keys.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// Of which role the keys are that a factor's baby steps take, `index` being its place in the order in which factors
/// are applied: low rotations in SlotsToCoeffs; in CoeffsToSlots of all slots those behind ModRaise for the first,
/// which is the only one that finds its input raised.
KeyRole factor_role(const Parameters& parameters, std::size_t slots, DftDirection direction, std::size_t index);

/// The factors of a transform of `slots` slots, in the order in which they are applied: the first one to ciphertexts at
/// `level`, each one a level down; giant steps are by Horner's rule. `key_price`: for how many transforms (NTTs) more
/// of a limb one byte less of key files is worth while; 0: none, the fastest. Throws Error unless `slots` is a power of
/// two, `levels` in [1, level] and the price not negative.
std::vector<DftGroup> plan_dft(const Parameters& parameters, std::size_t slots, int levels, DftDirection direction,
                               int level, double key_price = 0);

}  // namespace polyformer::ckks
