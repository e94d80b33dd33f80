// ModRaise: from q_0 to the whole chain. The message gains a multiple of q_0 in every coefficient, which EvalMod takes
// off.
#pragma once

#include "polyformer/ckks/circuits/raised_sums.h"
#include "polyformer/ckks/scheme/ciphertext.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// What is between −q_0/2 and q_0/2 in the two components of `a`, at level 0, modulo q_0 .. q_L.
Ciphertext raise_modulus(const Parameters& parameters, const Ciphertext& a);
/// The same as keys from the sparse secret want it.
RaisedCiphertext raise_to_digit(const Parameters& parameters, const Ciphertext& a);

}  // namespace polyformer::ckks
