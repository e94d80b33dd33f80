#include "polyformer/ckks/evaluator/evaluator_checks.h"

#include <algorithm>
#include <cmath>

#include "polyformer/ckks/ring/automorphism.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {

namespace {

std::string short_name(const std::string& fingerprint) {
    return fingerprint.empty() ? "(none)" : fingerprint.substr(0, 12) + "…";
}

}  // namespace

void check_two_components(const Parameters& parameters, const Ciphertext& a, const char* operation) {
    check_ciphertext(parameters, a);
    require(a.components.size() == 2, "{} of a ciphertext of {} components: relinearise() it first", operation,
            a.components.size());
}

void check_operands(const Parameters& parameters, const Ciphertext& a, const Ciphertext& b, const char* operation) {
    check_ciphertext(parameters, a);
    check_ciphertext(parameters, b);
    require(a.key_fingerprint == b.key_fingerprint,
            "{} of ciphertexts under different key sets, {} and {}: both must be encrypted under the same", operation,
            short_name(a.key_fingerprint), short_name(b.key_fingerprint));
    require(a.level == b.level,
            "{} of ciphertexts at levels {} (scale 2^{:.4f}) and {} (scale 2^{:.4f}): adjust() the higher one first",
            operation, a.level, std::log2(a.scale), b.level, std::log2(b.scale));
}

void check_same_scale(const Parameters& parameters, int level, double a, double b, const char* operation) {
    require(
        same_scale(a, b),
        "{} at level {} of scales 2^{:.6f} and 2^{:.6f} (canonical is 2^{:.6f}): rescale() a product first, or encode "
        "the plaintext at the ciphertext's scale",
        operation, level, std::log2(a), std::log2(b), std::log2(parameters.scale(level)));
}

void check_key_set(const EvaluationKeys& keys, const Ciphertext& a, const char* operation) {
    require(
        keys.key_fingerprint == a.key_fingerprint,
        "{} with keys of key set {} of a ciphertext under key set {}: encrypt with the secret that these keys belong "
        "to",
        operation, short_name(keys.key_fingerprint), short_name(a.key_fingerprint));
}

std::size_t repetition(const Parameters& parameters, std::size_t slots) {
    return std::clamp<std::size_t>(slots, 1, parameters.slots());
}

std::pair<int, const SwitchingKey*> find_rotation_key(const Parameters& parameters, const EvaluationKeys& keys,
                                                      std::size_t slots, long step, int level, KeyRole role) {
    const std::size_t period = repetition(parameters, slots);
    const std::map<int, SwitchingKey>& rotations = keys.by_step(role);
    int highest = -1;
    for (auto candidate = static_cast<std::size_t>(normalised_step(step, period)); candidate < parameters.slots();
         candidate += period) {
        const auto entry = rotations.find(static_cast<int>(candidate));
        if (entry == rotations.end()) continue;
        if (entry->second.level >= level) {
            return {entry->first, &usable_key(parameters, keys, {role, entry->first}, level)};
        }
        highest = std::max(highest, entry->second.level);
    }
    require(
        highest < 0,
        "the key for a rotation by {} of {} slots reaches level {}, but is wanted at level {}: ask for it there, or "
        "drop the ciphertext",
        step, slots, highest, level);
    fail(
        "there is no key for a rotation by {} of {} slots at level {} (there are {} such keys): add the step to "
        "the KeyRequest",
        step, slots, level, rotations.size());
}

}  // namespace polyformer::ckks
