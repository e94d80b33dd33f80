#include "polyformer/ckks/scheme/ciphertext.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::ckks {

CiphertextMetadata CiphertextMetadata::at(int new_level, double new_scale) const {
    return {new_level, new_scale, slots, key_fingerprint};
}

bool same_scale(double a, double b) {
    return std::abs(a - b) < 0x1p-30 * std::abs(a);
}

CiphertextMetadata sum_of(const CiphertextMetadata& a, const CiphertextMetadata& b) {
    return {a.level, a.scale, std::max(a.slots, b.slots), a.key_fingerprint};
}

CiphertextMetadata product_of(const CiphertextMetadata& a, const CiphertextMetadata& b) {
    return {a.level, a.scale * b.scale, std::max(a.slots, b.slots), a.key_fingerprint};
}

CiphertextMetadata rescaled(const Parameters& parameters, const CiphertextMetadata& metadata, int levels) {
    double scale = metadata.scale;
    for (int level = metadata.level; level > metadata.level - levels; --level) {
        scale /= static_cast<double>(parameters.q(level).modulus().value());
    }
    return metadata.at(metadata.level - levels, scale);
}

std::size_t Ciphertext::bytes() const {
    std::size_t sum = 0;
    for (const RnsPolynomial& component : components) sum += component.bytes();
    return sum;
}

Ciphertext expand(const Parameters& parameters, const SeededCiphertext& ciphertext) {
    require(ciphertext.level >= 0 && ciphertext.level <= parameters.max_level() &&
                ciphertext.b.ring_dimension() == parameters.ring_dimension() &&
                ciphertext.b.limbs() == static_cast<std::size_t>(ciphertext.level) + 1,
            "a ciphertext at level {} has {} limbs of ring dimension {}; these parameters want {} of {}",
            ciphertext.level, ciphertext.b.limbs(), ciphertext.b.ring_dimension(), ciphertext.level + 1,
            parameters.ring_dimension());
    RnsPolynomial a = RnsPolynomial::uninitialised(parameters.ring_dimension(), ciphertext.b.limbs());
    parallel_for(a.limbs(), [&](std::size_t i) {
        expand_uniform(ciphertext.seed, uniform_stream(0, false, i), parameters.q(static_cast<int>(i)).modulus(),
                       a.limb(i));
    });
    return {ciphertext.metadata(), {ciphertext.b, std::move(a)}};
}

Ciphertext uninitialised_ciphertext(const Parameters& parameters, CiphertextMetadata metadata, std::size_t components) {
    const auto rows = static_cast<std::size_t>(metadata.level) + 1;
    Ciphertext result{std::move(metadata), {}};
    for (std::size_t c = 0; c < components; ++c) {
        result.components.push_back(RnsPolynomial::uninitialised(parameters.ring_dimension(), rows));
    }
    return result;
}

void check_ciphertext(const Parameters& parameters, const Ciphertext& a) {
    require(a.level >= 0 && a.level <= parameters.max_level(), "a ciphertext is at level {}, but the chain has 0 to {}",
            a.level, parameters.max_level());
    require(a.components.size() == 2 || a.components.size() == 3, "a ciphertext has {} components instead of 2 or 3",
            a.components.size());
    for (const RnsPolynomial& component : a.components) {
        require(component.ring_dimension() == parameters.ring_dimension() &&
                    component.limbs() == static_cast<std::size_t>(a.level) + 1,
                "a ciphertext at level {} has {} limbs of ring dimension {}; these parameters want {} of {}", a.level,
                component.limbs(), component.ring_dimension(), a.level + 1, parameters.ring_dimension());
    }
}

}  // namespace polyformer::ckks
