// The client's side: secret key, key generation, encryption and decryption. Not linked into the server.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "polyformer/ckks/scheme/ciphertext.h"
#include "polyformer/ckks/scheme/encoder.h"
#include "polyformer/ckks/scheme/keys.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// A uniform ternary secret. Its memory is wiped on destruction.
class SecretKey {
  public:
    /// Fresh from libsodium's randomness.
    static SecretKey generate(const Parameters& parameters);
    /// From stored coefficients in {−1, 0, 1}. Throws FormatError for any other value or length.
    static SecretKey from_coefficients(const Parameters& parameters, std::vector<std::int8_t> coefficients,
                                       std::string key_fingerprint);
    ~SecretKey();
    SecretKey(SecretKey&&) noexcept = default;
    SecretKey& operator=(SecretKey&& other) noexcept;
    SecretKey(const SecretKey&) = delete;
    SecretKey& operator=(const SecretKey&) = delete;

    std::span<const std::int8_t> coefficients() const { return coefficients_; }
    /// In evaluation order over all q, then all p.
    const RnsPolynomial& evaluations() const { return evaluations_; }
    /// A random name for the key set, not derived from the secret: what keys and ciphertexts are bound by.
    const std::string& key_fingerprint() const { return key_fingerprint_; }

  private:
    SecretKey() = default;
    std::vector<std::int8_t> coefficients_;
    RnsPolynomial evaluations_;
    std::string key_fingerprint_;
};

class KeyGenerator {
  public:
    /// `secret` must outlive the generator.
    KeyGenerator(Parameters parameters, const SecretKey& secret);

    PublicKey public_key() const;
    SwitchingKey relinearisation_key(int level) const;
    SwitchingKey rotation_key(int step, int level) const;
    SwitchingKey conjugation_key(int level) const;
    /// Everything asked for; `progress(done, total)` after each key.
    EvaluationKeys evaluation_keys(const KeyRequest& request,
                                   const std::function<void(std::size_t, std::size_t)>& progress = {}) const;

  private:
    Parameters parameters_;
    const SecretKey* secret_;
};

SeededCiphertext encrypt_seeded(const Parameters& parameters, const SecretKey& secret, const Plaintext& plaintext,
                                std::size_t slots);
Ciphertext encrypt(const Parameters& parameters, const SecretKey& secret, const Plaintext& plaintext,
                   std::size_t slots);
Ciphertext encrypt(const Parameters& parameters, const PublicKey& key, const Plaintext& plaintext, std::size_t slots);

/// Throws Error when the ciphertext belongs to another key set.
Plaintext decrypt(const Parameters& parameters, const SecretKey& secret, const Ciphertext& ciphertext);

}  // namespace polyformer::ckks
