// What a bootstrap takes in operations of the scheme (operation_counts.h).
#pragma once

#include <cstddef>

#include "polyformer/ckks/evaluator/operation_counts.h"

namespace polyformer::ckks {

/// An estimate for full packing, of `ciphertexts` (one or two) real messages together: a hoisted rotation by each of
/// the rotation keys at the key's level, a decomposition for each transform's factor, and EvalMod's products with their
/// rescalings, level by level, for each message. Neither baby-step numbers nor products with plaintexts are in it, so
/// that it is the same for every way to split the transforms. It is no strict bound: baby steps are divided by P
/// together with their giant step, not one by one; in small rings that makes the estimate up to a quarter too high.
/// Throws Error when the parameters cannot bootstrap.
OperationCounts bootstrap_counts(const Parameters& parameters, std::size_t ciphertexts);

/// Products of two ciphertexts: EvalMod's, for each message.
std::size_t bootstrap_products(const Parameters& parameters, std::size_t ciphertexts);

/// Products with a key: rotations, two switches of encapsulation, a conjugation, relinearisations.
std::size_t bootstrap_key_switches(const Parameters& parameters, std::size_t slots, std::size_t ciphertexts);

}  // namespace polyformer::ckks
