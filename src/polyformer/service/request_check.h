// Whether a request fits a plan and a key set, judged from what it says of itself: before its ciphertexts are read, and
// before gigabytes of keys are.
#pragma once

#include <cstddef>

#include "polyformer/ckks/scheme/ciphertext.h"
#include "polyformer/service/messages.h"

namespace polyformer::service {

/// Everything but the ciphertexts, of which there are `ciphertexts`. Throws FormatError, saying which field differs and
/// what to do, unless the request was made for this plan and under this key set.
void check_request_fields(const ExpectedRequest& expected, const Request& request, std::size_t ciphertexts);

/// What one of its ciphertexts says of itself. Throws FormatError unless it has the level, the scale and the slots with
/// which the plan begins.
void check_request_input(const ExpectedRequest& expected, const ckks::CiphertextMetadata& input);

}  // namespace polyformer::service
