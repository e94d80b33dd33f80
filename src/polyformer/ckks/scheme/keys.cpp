#include "polyformer/ckks/scheme/keys.h"

#include <fmt/format.h>

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
            return "sparse-to-dense encapsulation";
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
    const int width = parameters.special_count();
    return {id, id.role == KeyRole::sparse_to_dense ? parameters.max_level() : level, width, width};
}

namespace {

/// Where the key of a role other than rotation is kept.
template <class Keys>
auto& single_key(Keys& keys, KeyRole role) {
    switch (role) {
        case KeyRole::relinearisation:
            return keys.relinearisation;
        case KeyRole::conjugation:
            return keys.conjugation;
        case KeyRole::dense_to_sparse:
            return keys.dense_to_sparse;
        default:
            return keys.sparse_to_dense;
    }
}

}  // namespace

const SwitchingKey* EvaluationKeys::find(KeyId id) const {
    if (id.role == KeyRole::rotation) {
        const auto found = rotations.find(id.step);
        return found == rotations.end() ? nullptr : &found->second;
    }
    const std::optional<SwitchingKey>& key = single_key(*this, id.role);
    return key ? &*key : nullptr;
}

SwitchingKey& EvaluationKeys::emplace(KeyId id) {
    if (id.role == KeyRole::rotation) return rotations[id.step] = {};
    return single_key(*this, id.role).emplace();
}

std::vector<std::pair<KeyId, const SwitchingKey*>> EvaluationKeys::all() const {
    std::vector<std::pair<KeyId, const SwitchingKey*>> result;
    for (const KeyRole role :
         {KeyRole::relinearisation, KeyRole::conjugation, KeyRole::dense_to_sparse, KeyRole::sparse_to_dense}) {
        if (const SwitchingKey* key = find({role})) result.emplace_back(KeyId{role}, key);
    }
    for (const auto& [step, key] : rotations) result.emplace_back(KeyId{KeyRole::rotation, step}, &key);
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
                key.special <= parameters.special_count() && key.digit_limbs >= 1 && key.digit_limbs <= key.special,
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
