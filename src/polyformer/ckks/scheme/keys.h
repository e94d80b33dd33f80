// Public material only: what a server may hold. The secret key lives in client/secret_key.h, in a library that the
// server does not link.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "polyformer/ckks/ring/rns_polynomial.h"
#include "polyformer/ckks/ring/uniform_stream.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// Hybrid key-switching key from some secret s' to s (Han and Ki, ePrint 2019/688): per digit d a pair (b, a) with
/// b = −a·s + e + g_d·s'. The gadget g_d is P modulo the limbs of its own digit, d·digit_limbs onwards, and 0 modulo
/// all other primes, whatever the level. Rows: q_0 .. q_level, then p_0 .. p_{special-1}. Serves ciphertexts up to
/// `level`.
///
/// The a halves are not kept: row by row they come from the seed when the key is used, which halves its memory.
struct SwitchingKey {
    int level = 0;
    int special = 0;      ///< special primes: k, or 1 for the dense-to-sparse key
    int digit_limbs = 0;  ///< limbs of one digit
    Seed seed{};          ///< of the a halves
    std::vector<RnsPolynomial> b;
    /// a of one digit, prime number `prime` of the q or of the special ones.
    UniformStream a(const Parameters& parameters, std::size_t digit, bool special_prime, std::size_t prime) const;
    std::size_t bytes() const;  ///< of b in memory
};

/// An encryption of 0 at the working level W: b + a·s = e over q_0 .. q_W.
struct PublicKey {
    Seed seed{};  ///< of a
    RnsPolynomial b;
    RnsPolynomial a;
    std::string key_fingerprint;
    std::string parameters_fingerprint;
};

/// What an evaluation key is for. The numbers stand in files.
enum class KeyRole : std::uint32_t { relinearisation, conjugation, dense_to_sparse, sparse_to_dense, rotation };

/// One of the keys of a set.
struct KeyId {
    KeyRole role = KeyRole::relinearisation;
    int step = 0;  ///< in [1, N/2) for rotations, 0 otherwise
    auto operator<=>(const KeyId&) const = default;
};

/// What a key is for, and how large it is.
struct KeyShape {
    KeyId id;
    int level = 0;        ///< highest at which it can be used
    int special = 0;      ///< special primes: k, or 1 for the dense-to-sparse key
    int digit_limbs = 0;  ///< limbs of one digit
    /// ⌈(level + 1) / digit_limbs⌉.
    int digits() const { return (level + digit_limbs) / digit_limbs; }
};

/// The server's keys.
struct EvaluationKeys {
    std::string key_fingerprint;
    std::string parameters_fingerprint;
    std::optional<SwitchingKey> relinearisation;
    std::optional<SwitchingKey> conjugation;
    std::optional<SwitchingKey> dense_to_sparse;  ///< level 0, one special prime
    std::optional<SwitchingKey> sparse_to_dense;  ///< at the top level
    std::map<int, SwitchingKey> rotations;        ///< by step in [1, N/2)

    /// Null when there is no such key.
    const SwitchingKey* find(KeyId id) const;
    /// Puts an empty key in its place, instead of the one that may be there.
    SwitchingKey& emplace(KeyId id);
    /// All keys that are there, by role and step.
    std::vector<std::pair<KeyId, const SwitchingKey*>> all() const;
    std::size_t bytes() const;  ///< of all keys in memory
};

}  // namespace polyformer::ckks
