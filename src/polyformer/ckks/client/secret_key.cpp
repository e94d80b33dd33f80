#include "polyformer/ckks/client/secret_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "polyformer/ckks/client/sampling.h"
#include "polyformer/ckks/client/secret_polynomial.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {

SecretKey SecretKey::generate(const Parameters& parameters) {
    std::vector<std::int8_t> coefficients(parameters.ring_dimension());
    const WipeOnExit<std::int8_t> wiper(coefficients);
    sample_ternary(coefficients);
    std::array<std::uint8_t, 32> name{};
    random_bytes(name.data(), name.size());
    return {parameters, coefficients, fmt::format("{:02x}", fmt::join(name, ""))};
}

SecretKey SecretKey::from_coefficients(const Parameters& parameters, std::vector<std::int8_t> coefficients,
                                       std::string key_fingerprint) {
    const WipeOnExit<std::int8_t> wiper(coefficients);  // what is refused is wiped too
    require<FormatError>(coefficients.size() == parameters.ring_dimension(),
                         "a secret key of {} coefficients does not belong to parameters of ring dimension {}",
                         coefficients.size(), parameters.ring_dimension());
    require<FormatError>(std::ranges::all_of(coefficients, [](std::int8_t c) { return c >= -1 && c <= 1; }),
                         "a secret key has a coefficient other than -1, 0 and 1: the file is damaged");
    return {parameters, coefficients, std::move(key_fingerprint)};
}

SecretKey::SecretKey(const Parameters& parameters, std::span<const std::int8_t> coefficients,
                     std::string key_fingerprint)
    : coefficients_(coefficients.begin(), coefficients.end()),
      evaluations_(
          SecretPolynomial(parameters, coefficients_, parameters.max_level(), parameters.special_count()).release()),
      key_fingerprint_(std::move(key_fingerprint)) {}

SecretKey::~SecretKey() {
    wipe(coefficients_.data(), coefficients_.size());
    wipe(evaluations_);
}

SecretKey& SecretKey::operator=(SecretKey&& other) noexcept {
    // The old secret goes with `other`, whose destructor wipes it.
    std::swap(coefficients_, other.coefficients_);
    std::swap(evaluations_, other.evaluations_);
    std::swap(key_fingerprint_, other.key_fingerprint_);
    return *this;
}

void check_secret(const Parameters& parameters, const SecretKey& secret) {
    const auto rows = static_cast<std::size_t>(parameters.max_level() + 1 + parameters.special_count());
    require(
        secret.evaluations().ring_dimension() == parameters.ring_dimension() && secret.evaluations().limbs() == rows,
        "a secret key of {} limbs of ring dimension {} does not belong to parameters of {} limbs of ring dimension {}",
        secret.evaluations().limbs(), secret.evaluations().ring_dimension(), rows, parameters.ring_dimension());
}

}  // namespace polyformer::ckks
