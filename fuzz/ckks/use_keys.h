// What an evaluator does with keys that came in a file.
#pragma once

#include <memory>
#include <span>

#include "polyformer/ckks/evaluator/evaluator.h"
#include "polyformer/support/error.h"

namespace polyformer::fuzz {

/// Whether `body` ends without an Error. What else it throws is not caught.
template <class Body>
bool succeeds(const Body& body) {
    try {
        body();
        return true;
    } catch (const Error&) {
        return false;
    }
}

/// Uses each key in every way, at its own level, below and above.
inline void use_keys(const ckks::Parameters& parameters, const std::shared_ptr<const ckks::EvaluationKeys>& keys) {
    const ckks::Evaluator evaluator(parameters, keys);
    for (const ckks::KeyShape& shape : keys->shapes()) {
        for (const int level : {0, shape.level, shape.level + 1}) {
            if (level > parameters.max_level()) continue;
            const ckks::CiphertextMetadata metadata{level, parameters.scale(level), parameters.slots(),
                                                    keys->key_fingerprint};
            const auto rows = static_cast<std::size_t>(level) + 1;
            const ckks::RnsPolynomial zero(parameters.ring_dimension(), rows);
            const ckks::Ciphertext a{metadata, {zero, zero}};
            const bool rotation = ckks::has_steps(shape.id.role);
            const long step = rotation ? shape.id.step : 1;
            const ckks::KeyRole role =
                shape.id.role == ckks::KeyRole::low_rotation ? shape.id.role : ckks::KeyRole::rotation;
            succeeds([&] { evaluator.switch_key(a, *keys->find(shape.id)); });
            succeeds([&] { evaluator.rotate(a, step); });
            succeeds([&] { evaluator.rotate(evaluator.hoist(a, role), step); });
            succeeds([&] { evaluator.rotate_extended(std::span(&a, 1), step, role); });
            succeeds([&] { evaluator.square(a); });
            succeeds([&] { evaluator.conjugate(a); });
        }
    }
}

}  // namespace polyformer::fuzz
