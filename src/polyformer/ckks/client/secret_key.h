// The secret key. It and all that needs it are in a library that the server does not link: key_generator.h,
// encryption.h, secret_key_serialization.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "polyformer/ckks/ring/rns_polynomial.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// A uniform ternary secret. Its memory is wiped on destruction.
class SecretKey {
  public:
    /// Fresh from libsodium's randomness. Throws Error when the system gives none.
    static SecretKey generate(const Parameters& parameters);
    /// From stored coefficients in {−1, 0, 1}. Throws FormatError for any other value or length.
    static SecretKey from_coefficients(const Parameters& parameters, std::vector<std::int8_t> coefficients,
                                       std::string key_fingerprint);
    ~SecretKey();
    SecretKey(SecretKey&&) noexcept = default;
    SecretKey& operator=(SecretKey&& other) noexcept;
    SecretKey(const SecretKey&) = delete;
    SecretKey& operator=(const SecretKey&) = delete;

    /// N, in {−1, 0, 1}.
    std::span<const std::int8_t> coefficients() const { return coefficients_; }
    /// In evaluation order over all q, then all p.
    const RnsPolynomial& evaluations() const { return evaluations_; }
    /// A random name for the key set, not derived from the secret: what keys and ciphertexts are bound by.
    const std::string& key_fingerprint() const { return key_fingerprint_; }

  private:
    /// Does not look at the coefficients, which are ternary.
    SecretKey(const Parameters& parameters, std::span<const std::int8_t> coefficients, std::string key_fingerprint);

    std::vector<std::int8_t> coefficients_;
    RnsPolynomial evaluations_;
    std::string key_fingerprint_;
};

/// Throws Error unless the secret belongs to the parameters.
void check_secret(const Parameters& parameters, const SecretKey& secret);

}  // namespace polyformer::ckks
