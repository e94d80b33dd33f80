// What a bootstrap takes in operations of the scheme (operation_counts.h).
#pragma once

#include <cstddef>

#include "polyformer/ckks/scheme/operation_counts.h"

namespace polyformer::ckks {

/// A lower bound for full packing, of `ciphertexts` (one or two) real messages together: a hoisted rotation by each of
/// the rotation keys at the key's level, a decomposition for each transform's factor, and EvalMod's products with their
/// rescalings, level by level, for each message. Less than what any baby-step giant-step split needs. Throws Error when
/// the parameters cannot bootstrap.
OperationCounts bootstrap_counts(const Parameters& parameters, std::size_t ciphertexts);

/// Products of two ciphertexts: EvalMod's, for each message.
std::size_t bootstrap_products(const Parameters& parameters, std::size_t ciphertexts);

/// Products with a key: rotations, two switches of encapsulation, a conjugation, relinearisations.
std::size_t bootstrap_key_switches(const Parameters& parameters, std::size_t slots, std::size_t ciphertexts);

}  // namespace polyformer::ckks
