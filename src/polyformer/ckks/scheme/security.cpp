#include "polyformer/ckks/scheme/security.h"

#include <array>
#include <bit>
#include <cmath>

#include "polyformer/support/error.h"

namespace polyformer::ckks {

namespace {

/// The ephemeral secret is sparse, outside the table; only what its key shows is used with it: q_0·p_0. The authors of
/// ePrint 2022/024 put weight 32 at N = 2^16 with 121 bits (their set N16QP1546H192H32) above 128-bit security, hybrid
/// attacks included; we ask for at most 100 bits there, and have no analysis for smaller rings.
void check_encapsulation_security(const ParametersLiteral& literal, const ModulusChain& chain) {
    constexpr int kMinWeight = 32;
    constexpr double kMaxLog2 = 100;
    const int weight = literal.bootstrapping->ephemeral_secret_weight;
    const double bits = std::log2(static_cast<double>(chain.q[0])) + std::log2(static_cast<double>(chain.p[0]));
    require(
        literal.ring_dimension >= (std::size_t{1} << 16) && weight >= kMinWeight && bits <= kMaxLog2,
        "the ephemeral secret of weight {} at ring dimension {} and log2(q_0·p_0) = {:.2f} is not known to be 128-bit "
        "secure: use a ring dimension of at least 65536, weight of at least {} and at most {} bits, or "
        "Security::insecure",
        weight, literal.ring_dimension, bits, kMinWeight, kMaxLog2);
}

}  // namespace

std::optional<double> max_log2_qp(std::size_t ring_dimension) {
    constexpr std::array<double, 8> kLimits{26, 53, 106, 214, 430, 868, 1747, 3523};  // N = 2^10 … 2^17
    if (!std::has_single_bit(ring_dimension)) return std::nullopt;
    const int log2 = std::countr_zero(ring_dimension);
    if (log2 < 10 || log2 > 17) return std::nullopt;
    return kLimits[static_cast<std::size_t>(log2 - 10)];
}

void check_security(const ParametersLiteral& literal, const ModulusChain& chain) {
    if (literal.security == Security::insecure) return;
    const std::optional<double> limit = max_log2_qp(literal.ring_dimension);
    require(limit.has_value(), "ring dimension {} is outside the security table (2^10 to 2^17)",
            literal.ring_dimension);
    const double log2_qp = log2_product(chain.q) + log2_product(chain.p);
    require(
        log2_qp <= *limit,
        "log2(QP) is {:.2f}, but ring dimension {} allows at most {} for 128-bit security (ePrint 2024/463, uniform "
        "ternary secret): use fewer levels, smaller primes, a larger ring, or Security::insecure",
        log2_qp, literal.ring_dimension, *limit);
    if (literal.bootstrapping) check_encapsulation_security(literal, chain);
}

}  // namespace polyformer::ckks
