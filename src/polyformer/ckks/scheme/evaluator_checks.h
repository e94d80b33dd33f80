// What the evaluator demands of its operands. Every message names both sides and the remedy.
#pragma once

#include <span>

#include "polyformer/ckks/scheme/ciphertext.h"
#include "polyformer/ckks/scheme/keys.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// Relative difference below 2^-30.
bool same_scale(double a, double b);

/// Throws Error unless the rows match the level and the ring, and there are 2 or 3 components.
void check_ciphertext(const Parameters& parameters, const Ciphertext& a);
/// A ciphertext that has been relinearised.
void check_two_components(const Parameters& parameters, const Ciphertext& a, const char* operation);
/// Same key set and level.
void check_operands(const Parameters& parameters, const Ciphertext& a, const Ciphertext& b, const char* operation);
void check_same_scale(const Parameters& parameters, int level, double a, double b, const char* operation);
/// The keys belong to the ciphertext's key set.
void check_key_set(const EvaluationKeys& keys, const Ciphertext& a, const char* operation);

/// The key, or an Error when there is none or it does not reach the level.
const SwitchingKey& require_key(const std::optional<SwitchingKey>& key, int level, const char* name);
/// A key that rotates a message of `slots` slots by `step` at `level`; one for any step equal modulo `slots` serves.
/// Returns the key's own step too.
std::pair<int, const SwitchingKey*> find_rotation_key(const Parameters& parameters, const EvaluationKeys& keys,
                                                      std::size_t slots, long step, int level);

}  // namespace polyformer::ckks
