#include "polyformer/ckks/scheme/keys.h"

namespace polyformer::ckks {

std::size_t SwitchingKey::bytes() const {
    std::size_t sum = 0;
    for (const RnsPolynomial& digit : b) sum += digit.bytes();
    return sum;
}

UniformStream SwitchingKey::a(const Parameters& parameters, std::size_t digit, bool special_prime,
                              std::size_t prime) const {
    const auto index = static_cast<int>(prime);
    const NttTables& tables = special_prime ? parameters.p(index) : parameters.q(index);
    return {{Aes256(seed), uniform_stream(digit, special_prime, prime)}, tables.modulus()};
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

std::size_t EvaluationKeys::bytes() const {
    std::size_t sum = 0;
    for (const auto& [id, key] : all()) sum += key->bytes();
    return sum;
}

}  // namespace polyformer::ckks
