// What a bootstrap takes in operations of the scheme (operation_counts.h).
#pragma once

#include <cstddef>

#include "polyformer/ckks/evaluator/operation_counts.h"

namespace polyformer::ckks {

/// An estimate for full packing, of `ciphertexts` (one or two) real messages together: all that the fastest transforms
/// and the conjugation take, and EvalMod's products with their rescalings, level by level, for each message, though
/// these are done in one division. Throws Error when the parameters cannot bootstrap.
OperationCounts bootstrap_counts(const Parameters& parameters, std::size_t ciphertexts);

/// Products of two ciphertexts: EvalMod's, for each message.
std::size_t bootstrap_products(const Parameters& parameters, std::size_t ciphertexts);

/// Products with a key: rotations, two switches of encapsulation, a conjugation, relinearisations. `key_price`: the
/// bootstrapper's.
std::size_t bootstrap_key_switches(const Parameters& parameters, std::size_t slots, std::size_t ciphertexts,
                                   double key_price = 0);

}  // namespace polyformer::ckks
