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

#include "polyformer/ckks/ring/packed_rows.h"
#include "polyformer/ckks/ring/rns_polynomial.h"
#include "polyformer/ckks/ring/uniform_stream.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// Hybrid key-switching key from some secret s' to s (Han and Ki, ePrint 2019/688): per digit d a pair (b, a) with
/// b = −a·s + e + g_d·s'. The gadget g_d is P modulo the limbs of its own digit, d·digit_limbs onwards, and 0 modulo
/// all other primes, whatever the level. Rows: q_0 .. q_level, then p_0 .. p_{special-1}. Serves ciphertexts up to
/// `level`.
///
/// The a halves are not kept: row by row they come from the seed when the key is used, which halves its memory. The b
/// halves are packed as in a file, and may lie where their file is mapped.
struct SwitchingKey {
    int level = 0;
    int special = 0;      ///< special primes: key_shape() says how many
    int digit_limbs = 0;  ///< limbs of one digit
    Seed seed{};          ///< of the a halves
    std::vector<PackedRows> b;
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
/// Bootstrapping has two kinds of rotations of its own. Behind ModRaise the half that a key multiplies is known modulo
/// q_0 and so a single digit; its keys rotate and lead from the sparse secret to the dense one at once, step 0 too. At
/// the lowest levels SlotsToCoeffs takes low rotations, with as many special primes as such a ciphertext has limbs.
enum class KeyRole : std::uint32_t {
    relinearisation,
    conjugation,
    dense_to_sparse,
    sparse_to_dense,
    rotation,
    low_rotation
};

/// Roles of which there is a key for each step; others have one, of step 0.
bool has_steps(KeyRole role);

/// One of the keys of a set.
struct KeyId {
    KeyRole role = KeyRole::relinearisation;
    int step = 0;  ///< in [1, N/2) for rotations, in [0, N/2) from sparse to dense, 0 otherwise
    auto operator<=>(const KeyId&) const = default;
};

/// "rotation by 512"; "relinearisation".
std::string describe(KeyId id);

/// What a key is for, and how large it is.
struct KeyShape {
    KeyId id;
    int level = 0;        ///< highest at which it can be used
    int special = 0;      ///< special primes
    int digit_limbs = 0;  ///< limbs of one digit
    /// ⌈(level + 1) / digit_limbs⌉.
    int digits() const { return (level + digit_limbs) / digit_limbs; }
    bool operator==(const KeyShape&) const = default;
};

/// "level 5, 8 special primes and digits of 8 limbs".
std::string describe(const KeyShape& shape);

/// The only shape that a key of this role has when it is to reach `level`: all special primes and digits as wide as
/// they are. Those of bootstrapping alone have a fixed level, too: 0, one special prime and digits of one limb from the
/// dense secret to the sparse one; the top of the chain, all of it one digit, and raised_special_count() on the way
/// back; the level at which a bootstrap begins and low_special_count() for low rotations.
KeyShape key_shape(const Parameters& parameters, KeyId id, int level);

/// Special primes of keys from the sparse secret to the dense one: their noise is that of a key times q_0 by the
/// product of these primes, so two are enough for nothing to be seen of it.
int raised_special_count(const Parameters& parameters);
/// Special primes of rotations at the level where a bootstrap begins and below: as many as the ciphertext has limbs
/// there. Throws Error when the parameters cannot bootstrap.
int low_special_count(const Parameters& parameters);
/// Special primes of keys of this role, but for dense_to_sparse.
int special_count(const Parameters& parameters, KeyRole role);

/// The server's keys.
struct EvaluationKeys {
    std::string key_fingerprint;
    std::string parameters_fingerprint;
    std::optional<SwitchingKey> relinearisation;
    std::optional<SwitchingKey> conjugation;
    std::optional<SwitchingKey> dense_to_sparse;  ///< level 0, one special prime
    std::map<int, SwitchingKey> sparse_to_dense;  ///< at the top level, by step in [0, N/2)
    std::map<int, SwitchingKey> rotations;        ///< by step in [1, N/2)
    std::map<int, SwitchingKey> low_rotations;    ///< by step in [1, N/2)

    /// Of a role with steps.
    const std::map<int, SwitchingKey>& by_step(KeyRole role) const;
    /// Null when there is no such key.
    const SwitchingKey* find(KeyId id) const;
    /// Puts an empty key in its place, instead of the one that may be there.
    SwitchingKey& emplace(KeyId id);
    /// All keys that are there, by role and step.
    std::vector<std::pair<KeyId, const SwitchingKey*>> all() const;
    /// Theirs, in the same order.
    std::vector<KeyShape> shapes() const;
    std::size_t bytes() const;  ///< of all keys in memory
};

/// Throws Error, naming what differs, unless the key can be used at `level` without reading beyond its rows: special
/// primes and digits that the parameters have, digits enough for its own level, in each N residues for each prime.
void check_switching_key(const Parameters& parameters, const SwitchingKey& key, const std::string& name, int level);

/// The key for use at `level`. Throws Error naming key and level when there is none, it does not reach the level, or
/// its shape is not that of its role.
const SwitchingKey& usable_key(const Parameters& parameters, const EvaluationKeys& keys, KeyId id, int level);

}  // namespace polyformer::ckks
