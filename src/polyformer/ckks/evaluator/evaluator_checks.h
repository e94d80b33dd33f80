// What the evaluator demands of its operands. Every message names both sides and the remedy.
#pragma once

#include <cstddef>
#include <utility>

#include "polyformer/ckks/scheme/ciphertext.h"
#include "polyformer/ckks/scheme/keys.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// Throws Error unless `a` belongs to the parameters and has two components, as after relinearisation.
void check_two_components(const Parameters& parameters, const Ciphertext& a, const char* operation);
/// Throws Error unless both belong to the parameters and have the same key set and level.
void check_operands(const Parameters& parameters, const Ciphertext& a, const Ciphertext& b, const char* operation);
/// Throws Error unless same_scale(a, b), scales at `level`.
void check_same_scale(const Parameters& parameters, int level, double a, double b, const char* operation);
/// Throws Error unless the keys belong to the ciphertext's key set.
void check_key_set(const EvaluationKeys& keys, const Ciphertext& a, const char* operation);

/// With what period a message of `slots` slots repeats in all N/2: `slots`, whatever a damaged ciphertext says.
std::size_t repetition(const Parameters& parameters, std::size_t slots);
/// A key that rotates a message of `slots` slots by `step` at `level`; one for any step equal modulo `slots` serves.
/// Returns the key's own step too. Throws Error naming step and level when there is none, and like usable_key().
std::pair<int, const SwitchingKey*> find_rotation_key(const Parameters& parameters, const EvaluationKeys& keys,
                                                      std::size_t slots, long step, int level,
                                                      KeyRole role = KeyRole::rotation);

}  // namespace polyformer::ckks
