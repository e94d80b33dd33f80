// Which keys a computation needs, before anything is generated: made by the compiler and by circuits, used by the
// client to make them and by the server to see that they are all there.
//
//   KeyRequest request;  // nothing yet
//   request.add_relinearisation(parameters, 5);
//   request.add_rotation(parameters, -1, 3);
//   const EvaluationKeys keys = KeyGenerator(parameters, secret).evaluation_keys(request);
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "polyformer/ckks/scheme/keys.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// Levels are the highest ones at which a key is used. Nothing is asked for until it is added.
struct KeyRequest {
    std::optional<int> relinearisation_level;
    std::optional<int> conjugation_level;
    bool bootstrapping = false;          ///< the two encapsulation keys, of step 0
    std::map<int, int> rotation_levels;  ///< by rotation step in [1, N/2)
    // Of bootstrapping alone, in [1, N/2); their levels are fixed (key_shape()).
    std::set<int> raised_steps;  ///< of rotations from the sparse secret to the dense one
    std::set<int> low_steps;     ///< of low rotations

    /// Each keeps the higher level where the key is asked for already. They throw Error for a level that the
    /// parameters do not have.
    void add_relinearisation(const Parameters& parameters, int level);
    void add_conjugation(const Parameters& parameters, int level);
    /// Any step, positive or negative; one that is 0 modulo N/2 needs no key.
    void add_rotation(const Parameters& parameters, long step, int level);
    /// The same for keys of any role with steps; `level` is that of ordinary rotations.
    void add_rotation(const Parameters& parameters, KeyRole role, long step, int level);
    /// Adds all that `other`, for the same parameters, asks for.
    void merge(const KeyRequest& other);

    /// Rotations of all kinds, but the one by 0 from the sparse secret.
    std::size_t rotations() const { return rotation_levels.size() + raised_steps.size() + low_steps.size(); }
    /// The keys one by one, by role and step. Throws Error when bootstrapping is asked for and the parameters have
    /// none.
    std::vector<KeyShape> keys(const Parameters& parameters) const;
    /// Bytes that the keys' residues take in memory, and on disk packed and with seeds for uniform halves. Both throw
    /// like keys().
    std::size_t memory_bytes(const Parameters& parameters) const;
    std::size_t file_bytes(const Parameters& parameters) const;
};

/// Bytes on disk of a key for `level`.
std::size_t key_file_bytes(const Parameters& parameters, int level, KeyRole role = KeyRole::rotation);

/// How keys differ from those that are wanted, in words: what is missing ("rotation by 512 at level 9 is missing"), is
/// there for another level or in another shape, or is not asked for. Empty when they are exactly the ones wanted.
/// Throws like KeyRequest::keys().
std::vector<std::string> key_differences(const Parameters& parameters, const KeyRequest& wanted,
                                         std::span<const KeyShape> held);

/// The first of them with commas between, for a message.
std::string list_of(std::span<const std::string> differences);

}  // namespace polyformer::ckks
