// Public material only: what a server may hold. The secret key lives in secret_key.h, in a library that the server does
// not link.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "polyformer/ckks/ring/uniform_stream.h"
#include "polyformer/ckks/scheme/ciphertext.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// Hybrid key-switching key from some secret s' to s: per digit d a pair (b, a) with b = −a·s + e + g_d·s'. The gadget
/// g_d is P modulo the limbs of its own digit, d·digit_limbs onwards, and 0 modulo all other primes, whatever the
/// level. Rows: q_0 .. q_level, then p_0 .. p_{special-1}. Serves ciphertexts up to `level`.
///
/// The a halves are not kept: row by row they come from the seed when the key is used, which halves its memory.
struct SwitchingKey {
    int level = 0;
    int special = 0;      ///< special primes used: k, or 1 for the encapsulation key
    int digit_limbs = 0;  ///< limbs of one digit
    Seed seed{};          ///< of the a halves
    std::vector<RnsPolynomial> b;
    /// a of one digit, prime number `prime` of the q or of the special ones.
    UniformStream a(const Parameters& parameters, std::size_t digit, bool special_prime, std::size_t prime) const;
    std::size_t bytes() const;
};

/// Rows: q_0 .. q_W, W the working level.
struct PublicKey {
    Seed seed{};
    RnsPolynomial b;
    RnsPolynomial a;
    std::string key_fingerprint;
    std::string parameters_fingerprint;
};

/// Which keys a computation needs: made by the compiler and by bootstrapping, before anything is generated.
struct KeyRequest {
    bool relinearisation = true;
    int relinearisation_level = 0;
    bool conjugation = false;
    int conjugation_level = 0;
    bool bootstrapping = false;          ///< the two encapsulation keys
    std::map<int, int> rotation_levels;  ///< rotation step in [1, N/2) → highest level at which it is used
    /// Adds a rotation, keeping the higher level; step 0 needs no key.
    void add_rotation(const Parameters& parameters, long step, int level);
    void merge(const Parameters& parameters, const KeyRequest& other);
    /// Bytes that the keys' residues take in memory, and on disk packed and with seeds for uniform halves.
    std::size_t memory_bytes(const Parameters& parameters) const;
    std::size_t file_bytes(const Parameters& parameters) const;
};

/// The server's keys.
struct EvaluationKeys {
    std::string key_fingerprint;
    std::string parameters_fingerprint;
    std::optional<SwitchingKey> relinearisation;
    std::optional<SwitchingKey> conjugation;
    std::optional<SwitchingKey> dense_to_sparse;  ///< level 0, one special prime
    std::optional<SwitchingKey> sparse_to_dense;
    std::map<int, SwitchingKey> rotations;  ///< by step in [1, N/2)
    std::size_t bytes() const;
};

/// A fresh symmetric ciphertext with its uniform half still as a seed: half the bytes to send.
struct SeededCiphertext {
    RnsPolynomial b;
    Seed seed{};
    int level = 0;
    double scale = 1;
    std::size_t slots = 0;
    std::string key_fingerprint;
};

/// The ordinary ciphertext that a seeded one stands for.
Ciphertext expand(const Parameters& parameters, const SeededCiphertext& ciphertext);

}  // namespace polyformer::ckks
