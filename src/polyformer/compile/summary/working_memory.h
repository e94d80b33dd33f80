// Memory that a plan will take besides its keys.
// Input: a plan with its steps and keys. Output: bytes.
#pragma once

#include <cstddef>

#include "polyformer/compile/plan/plan.h"

namespace polyformer::compile {

/// Ciphertexts, plaintexts and tables at the worst moment: values live from the step that makes them to the last one
/// that reads them, and each step needs some for itself.
std::size_t working_bytes(const Plan& plan);

}  // namespace polyformer::compile
