// Changes of level: rescaling divides by the top primes, dropping forgets them.
#pragma once

#include "polyformer/ckks/scheme/ciphertext.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// Throws Error unless 0 ≤ levels ≤ a.level.
void check_rescaling(const CiphertextMetadata& a, int levels);

/// As Evaluator::rescale().
Ciphertext rescale(const Parameters& parameters, const Ciphertext& a, int levels);

/// As Evaluator::drop_to_level().
Ciphertext drop_to_level(const Parameters& parameters, const Ciphertext& a, int level);

}  // namespace polyformer::ckks
