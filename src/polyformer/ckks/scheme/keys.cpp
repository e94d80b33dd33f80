#include "polyformer/ckks/scheme/keys.h"

#include <fmt/format.h>

#include <algorithm>

#include "polyformer/support/error.h"

namespace polyformer::ckks {

std::size_t SwitchingKey::bytes() const {
    std::size_t sum = 0;
    for (const PackedRows& digit : b) sum += digit.bytes().size();
    return sum;
}

UniformStream SwitchingKey::a(const Parameters& parameters, std::size_t digit, bool special_prime,
                              std::size_t prime) const {
    const auto index = static_cast<int>(prime);
    const NttTables& tables = special_prime ? parameters.p(index) : parameters.q(index);
    return {{Aes256(seed), uniform_stream(digit, special_prime, prime)}, tables.modulus()};
}

std::string describe(KeyId id) {
    switch (id.role) {
        case KeyRole::relinearisation:
            return "relinearisation";
        case KeyRole::conjugation:
            return "conjugation";
        case KeyRole::dense_to_sparse:
            return "dense-to-sparse encapsulation";
        case KeyRole::sparse_to_dense:
            return id.step == 0 ? "sparse-to-dense encapsulation"
                                : fmt::format("sparse-to-dense rotation by {}", id.step);
        case KeyRole::low_rotation:
            return fmt::format("low rotation by {}", id.step);
        case KeyRole::rotation:
            break;
    }
    return fmt::format("rotation by {}", id.step);
}

std::string describe(const KeyShape& shape) {
    return fmt::format("level {}, {} special primes and digits of {} limbs", shape.level, shape.special,
                       shape.digit_limbs);
}

KeyShape key_shape(const Parameters& parameters, KeyId id, int level) {
    // Under the sparse secret nothing is ever published beyond q_0·p_0: that is what keeps it safe.
    if (id.role == KeyRole::dense_to_sparse) return {id, 0, 1, 1};
    const int special = special_count(parameters, id.role);
    if (id.role == KeyRole::sparse_to_dense) return {id, parameters.max_level(), special, parameters.max_level() + 1};
    return {id, id.role == KeyRole::low_rotation ? parameters.bootstrapping_input_level() : level, special, special};
}

int raised_special_count(const Parameters& parameters) {
    return std::min(2, parameters.special_count());
}

int low_special_count(const Parameters& parameters) {
    return std::min(parameters.bootstrapping_input_level() + 1, parameters.special_count());
}

int special_count(const Parameters& parameters, KeyRole role) {
    if (role == KeyRole::sparse_to_dense) return raised_special_count(parameters);
    return role == KeyRole::low_rotation ? low_special_count(parameters) : parameters.special_count();
}

bool has_steps(KeyRole role) {
    return role == KeyRole::sparse_to_dense || role == KeyRole::rotation || role == KeyRole::low_rotation;
}

namespace {

/// Where the key of a role without steps is kept.
template <class Keys>
auto& single_key(Keys& keys, KeyRole role) {
    switch (role) {
        case KeyRole::relinearisation:
            return keys.relinearisation;
        case KeyRole::conjugation:
            return keys.conjugation;
        default:
            return keys.dense_to_sparse;
    }
}

/// Where the keys of a role with steps are kept.
template <class Keys>
auto& keys_by_step(Keys& keys, KeyRole role) {
    switch (role) {
        case KeyRole::sparse_to_dense:
            return keys.sparse_to_dense;
        case KeyRole::low_rotation:
            return keys.low_rotations;
        default:
            return keys.rotations;
    }
}

}  // namespace

const std::map<int, SwitchingKey>& EvaluationKeys::by_step(KeyRole role) const {
    return keys_by_step(*this, role);
}

const SwitchingKey* EvaluationKeys::find(KeyId id) const {
    if (has_steps(id.role)) {
        const std::map<int, SwitchingKey>& keys = keys_by_step(*this, id.role);
        const auto found = keys.find(id.step);
        return found == keys.end() ? nullptr : &found->second;
    }
    const std::optional<SwitchingKey>& key = single_key(*this, id.role);
    return key ? &*key : nullptr;
}

SwitchingKey& EvaluationKeys::emplace(KeyId id) {
    if (has_steps(id.role)) return keys_by_step(*this, id.role)[id.step] = {};
    return single_key(*this, id.role).emplace();
}

std::vector<std::pair<KeyId, const SwitchingKey*>> EvaluationKeys::all() const {
    std::vector<std::pair<KeyId, const SwitchingKey*>> result;
    for (const KeyRole role : {KeyRole::relinearisation, KeyRole::conjugation, KeyRole::dense_to_sparse}) {
        if (const SwitchingKey* key = find({role})) result.emplace_back(KeyId{role}, key);
    }
    for (const KeyRole role : {KeyRole::sparse_to_dense, KeyRole::rotation, KeyRole::low_rotation}) {
        for (const auto& [step, key] : keys_by_step(*this, role)) result.emplace_back(KeyId{role, step}, &key);
    }
    return result;
}

std::vector<KeyShape> EvaluationKeys::shapes() const {
    std::vector<KeyShape> result;
    for (const auto& [id, key] : all()) result.push_back({id, key->level, key->special, key->digit_limbs});
    return result;
}

std::size_t EvaluationKeys::bytes() const {
    std::size_t sum = 0;
    for (const auto& [id, key] : all()) sum += key->bytes();
    return sum;
}

void check_switching_key(const Parameters& parameters, const SwitchingKey& key, const std::string& name, int level) {
    require(key.level >= level, "the {} key reaches level {}, but is wanted at level {}: ask for it there", name,
            key.level, level);
    const KeyShape shape{{}, key.level, key.special, key.digit_limbs};
    require(level >= 0 && key.level <= parameters.max_level() && key.special >= 1 &&
                key.special <= parameters.special_count() && key.digit_limbs >= 1 &&
                (key.digit_limbs <= key.special || key.digit_limbs == parameters.max_level() + 1),
            "the {} key has {}; these parameters have levels 0 to {} and {} special primes", name, describe(shape),
            parameters.max_level(), parameters.special_count());
    require(key.b.size() == static_cast<std::size_t>(shape.digits()), "the {} key for {} has {} digits, but needs {}",
            name, describe(shape), key.b.size(), shape.digits());
    const auto rows = static_cast<std::size_t>(key.level + 1 + key.special);
    for (const PackedRows& digit : key.b) {
        require(digit.limbs() == rows && digit.ring_dimension() == parameters.ring_dimension(),
                "the {} key for {} has a digit of {} rows of {} residues, but needs {} of {}", name, describe(shape),
                digit.limbs(), digit.ring_dimension(), rows, parameters.ring_dimension());
        for (std::size_t row = 0; row < rows; ++row) {
            const int bits = parameters.row(key.level, row).modulus().bits();
            require(digit.bits()[row] == bits, "the {} key for {} has residues of {} bits in row {}, but needs {}",
                    name, describe(shape), digit.bits()[row], row, bits);
        }
    }
}

const SwitchingKey& usable_key(const Parameters& parameters, const EvaluationKeys& keys, KeyId id, int level) {
    const SwitchingKey* key = keys.find(id);
    require(key != nullptr, "there is no {} key (wanted at level {}): ask for it in the KeyRequest", describe(id),
            level);
    check_switching_key(parameters, *key, describe(id), level);
    const KeyShape shape{id, key->level, key->special, key->digit_limbs};
    const KeyShape expected = key_shape(parameters, id, key->level);
    require(shape == expected, "the {} key has {}, but a key of its role has {}: make it with a KeyGenerator",
            describe(id), describe(shape), describe(expected));
    return *key;
}

}  // namespace polyformer::ckks
