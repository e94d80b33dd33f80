// Bootstrapping: a ciphertext at the lowest levels becomes one at the highest working level, same message.
//
// StC → ModRaise under an ephemeral sparse secret → CtS → EvalMod (cosine, double angles) — ePrint 2020/1203, 2022/024.
// Because StC comes first, each slot of EvalMod holds one slot of the message.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "polyformer/ckks/evaluator/evaluator.h"
#include "polyformer/ckks/scheme/key_request.h"

namespace polyformer::ckks {

/// Set up once for a number of packed slots; holds the transforms' plaintexts.
///
///     const auto parameters = Parameters::create(presets::bootstrapping_65536());
///     // … keys for Bootstrapper::key_request(parameters, parameters.slots()), an evaluator with them
///     const Bootstrapper bootstrapper(parameters, parameters.slots());
///     const Ciphertext fresh = bootstrapper.bootstrap_real(evaluator, exhausted);  // at parameters.working_level()
///
/// Bootstraps throw Error when keys are missing, or when an input has another number of slots or too low a level.
class Bootstrapper {
  public:
    /// `key_price`: what the transforms may cost for fewer keys, as plan_dft() takes it; keys and bootstrapper must
    /// agree on it. Throws Error when the parameters cannot bootstrap or `slots` is no power of two up to N/2.
    Bootstrapper(const Parameters& parameters, std::size_t slots, double key_price = 0);

    /// Rotations, relinearisation, conjugation and encapsulation keys, each at the level where it is used.
    static KeyRequest key_request(const Parameters& parameters, std::size_t slots, double key_price = 0);
    /// The bytes() that a bootstrapper will take.
    static std::size_t plaintext_bytes(const Parameters& parameters, std::size_t slots, double key_price = 0);

    /// Real message in [−1, 1] per slot (the imaginary part is dropped). The input may have any level from
    /// parameters.bootstrapping_input_level() up, at canonical scale; the result is at parameters.working_level().
    Ciphertext bootstrap_real(const Evaluator& evaluator, const Ciphertext& input) const;
    /// Two real messages as one complex: one StC, ModRaise and CtS for both.
    std::pair<Ciphertext, Ciphertext> bootstrap_pair(const Evaluator& evaluator, const Ciphertext& first,
                                                     const Ciphertext& second) const;

    std::size_t bytes() const;

  private:
    struct Transforms;
    std::shared_ptr<const Transforms> transforms_;
};

}  // namespace polyformer::ckks
