// Encryption and decryption, on the client's side.
//
//   const Ciphertext a = encrypt(parameters, secret, encoder.encode(values, level, parameters.scale(level)));
//   const std::vector<std::complex<double>> same = encoder.decode(decrypt(parameters, secret, a));
#pragma once

#include "polyformer/ckks/client/secret_key.h"
#include "polyformer/ckks/scheme/ciphertext.h"
#include "polyformer/ckks/scheme/keys.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

// Ciphertexts have level, scale and slots of their plaintexts, full length each. All throw Error for plaintexts,
// secrets, keys and ciphertexts of other parameters.

/// Symmetric: b = −a·s + e + plaintext, a from a fresh seed.
SeededCiphertext encrypt_seeded(const Parameters& parameters, const SecretKey& secret, const Plaintext& plaintext);
Ciphertext encrypt(const Parameters& parameters, const SecretKey& secret, const Plaintext& plaintext);
/// For whoever has only the public key; the level is at most the working level. Its noise is larger.
Ciphertext encrypt(const Parameters& parameters, const PublicKey& key, const Plaintext& plaintext);

/// Of two or three components. Throws Error when the ciphertext belongs to another key set.
Plaintext decrypt(const Parameters& parameters, const SecretKey& secret, const Ciphertext& ciphertext);

}  // namespace polyformer::ckks
