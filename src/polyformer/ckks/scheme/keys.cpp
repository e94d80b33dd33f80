#include "polyformer/ckks/scheme/keys.h"

#include <algorithm>

#include "polyformer/ckks/files/rns_serialization.h"
#include "polyformer/support/error.h"
#include "polyformer/support/parallel.h"

namespace polyformer::ckks {

namespace {

/// Bytes of the b halves, which are all that is kept: as words, and packed to the bits of their primes.
struct KeySum {
    std::size_t memory_bytes = 0;
    std::size_t packed_bytes = 0;
    std::size_t count = 0;
};

KeySum sum_keys(const Parameters& parameters, const KeyRequest& request) {
    KeySum sum;
    const auto add = [&](int level, int special, int digits) {
        const auto rows = static_cast<std::size_t>(level + 1 + special);
        sum.memory_bytes +=
            static_cast<std::size_t>(digits) * rows * parameters.ring_dimension() * sizeof(std::uint64_t);
        sum.packed_bytes += static_cast<std::size_t>(digits) * packed_rows_bytes(parameters, level, special);
        ++sum.count;
    };
    const auto add_full = [&](int level) { add(level, parameters.special_count(), parameters.digits(level)); };
    if (request.relinearisation) add_full(request.relinearisation_level);
    if (request.conjugation) add_full(request.conjugation_level);
    if (request.bootstrapping) {
        add(0, 1, 1);
        add_full(parameters.max_level());
    }
    for (const auto& [step, level] : request.rotation_levels) add_full(level);
    return sum;
}

}  // namespace

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

void KeyRequest::add_rotation(const Parameters& parameters, long step, int level) {
    require(level >= 0 && level <= parameters.max_level(),
            "a rotation key at level {} was asked for; levels are 0 to {}", level, parameters.max_level());
    const auto slots = static_cast<long>(parameters.slots());
    const long reduced = (step % slots + slots) % slots;
    if (reduced == 0) return;
    int& entry = rotation_levels.try_emplace(static_cast<int>(reduced), level).first->second;
    entry = std::max(entry, level);
}

void KeyRequest::merge(const Parameters& parameters, const KeyRequest& other) {
    if (other.relinearisation) {
        relinearisation_level = relinearisation ? std::max(relinearisation_level, other.relinearisation_level)
                                                : other.relinearisation_level;
    }
    if (other.conjugation) {
        conjugation_level =
            conjugation ? std::max(conjugation_level, other.conjugation_level) : other.conjugation_level;
    }
    relinearisation = relinearisation || other.relinearisation;
    conjugation = conjugation || other.conjugation;
    bootstrapping = bootstrapping || other.bootstrapping;
    for (const auto& [step, level] : other.rotation_levels) add_rotation(parameters, step, level);
}

std::size_t KeyRequest::memory_bytes(const Parameters& parameters) const {
    return sum_keys(parameters, *this).memory_bytes;
}

std::size_t KeyRequest::file_bytes(const Parameters& parameters) const {
    const KeySum sum = sum_keys(parameters, *this);
    return sum.packed_bytes + sum.count * sizeof(Seed);
}

std::size_t EvaluationKeys::bytes() const {
    std::size_t sum = 0;
    for (const auto* key : {&relinearisation, &conjugation, &dense_to_sparse, &sparse_to_dense}) {
        if (key->has_value()) sum += (*key)->bytes();
    }
    for (const auto& [step, key] : rotations) sum += key.bytes();
    return sum;
}

Ciphertext expand(const Parameters& parameters, const SeededCiphertext& ciphertext) {
    Ciphertext result;
    result.level = ciphertext.level;
    result.scale = ciphertext.scale;
    result.slots = ciphertext.slots;
    result.key_fingerprint = ciphertext.key_fingerprint;
    RnsPolynomial a = RnsPolynomial::uninitialised(parameters.ring_dimension(), ciphertext.b.limbs());
    parallel_for(a.limbs(), [&](std::size_t i) {
        expand_uniform(ciphertext.seed, uniform_stream(0, false, i), parameters.q(static_cast<int>(i)).modulus(),
                       a.limb(i));
    });
    result.components = {ciphertext.b, std::move(a)};
    return result;
}

}  // namespace polyformer::ckks
