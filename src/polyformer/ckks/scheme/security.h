// What is known to be secure: which modulus chains a ring dimension allows.
#pragma once

#include <cstddef>
#include <optional>

#include "polyformer/ckks/scheme/modulus_chain.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// Greatest log2(QP) for 128-bit classical security with uniform ternary secrets (ePrint 2024/463), or nothing for ring
/// dimensions outside 2^10 .. 2^17.
std::optional<double> max_log2_qp(std::size_t ring_dimension);

/// Throws Error unless the chain gives the security that the literal promises: QP within max_log2_qp(), and with
/// bootstrapping an ephemeral secret that is known to be safe.
void check_security(const ParametersLiteral& literal, const ModulusChain& chain);

}  // namespace polyformer::ckks
