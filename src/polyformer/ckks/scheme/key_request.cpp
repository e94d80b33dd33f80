#include "polyformer/ckks/scheme/key_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "polyformer/ckks/ring/automorphism.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {

namespace {

void check_level(const Parameters& parameters, std::string_view name, int level) {
    require(level >= 0 && level <= parameters.max_level(), "a {} key at level {} was asked for; levels are 0 to {}",
            name, level, parameters.max_level());
}

/// "rotation by 512"; "relinearisation".
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

}  // namespace

void KeyRequest::add_relinearisation(const Parameters& parameters, int level) {
    check_level(parameters, "relinearisation", level);
    relinearisation_level = std::max(relinearisation_level, std::optional(level));
}

void KeyRequest::add_conjugation(const Parameters& parameters, int level) {
    check_level(parameters, "conjugation", level);
    conjugation_level = std::max(conjugation_level, std::optional(level));
}

void KeyRequest::add_rotation(const Parameters& parameters, long step, int level) {
    check_level(parameters, "rotation", level);
    const long normalised = normalised_step(step, parameters.slots());
    if (normalised == 0) return;
    int& entry = rotation_levels.try_emplace(static_cast<int>(normalised), level).first->second;
    entry = std::max(entry, level);
}

void KeyRequest::merge(const KeyRequest& other) {
    relinearisation_level = std::max(relinearisation_level, other.relinearisation_level);
    conjugation_level = std::max(conjugation_level, other.conjugation_level);
    bootstrapping = bootstrapping || other.bootstrapping;
    for (const auto& [step, level] : other.rotation_levels) {
        int& entry = rotation_levels.try_emplace(step, level).first->second;
        entry = std::max(entry, level);
    }
}

std::vector<KeyShape> KeyRequest::keys(const Parameters& parameters) const {
    std::vector<KeyShape> result;
    const int width = parameters.special_count();
    const auto add = [&](KeyId id, int level) { result.push_back({id, level, width, width}); };
    if (relinearisation_level) add({KeyRole::relinearisation}, *relinearisation_level);
    if (conjugation_level) add({KeyRole::conjugation}, *conjugation_level);
    if (bootstrapping) {
        require(parameters.can_bootstrap(),
                "bootstrapping keys were asked for, but these parameters have no bootstrapping levels");
        // Under the sparse secret nothing is ever published beyond q_0·p_0: that is what keeps it safe.
        result.push_back({{KeyRole::dense_to_sparse}, 0, 1, 1});
        add({KeyRole::sparse_to_dense}, parameters.max_level());
    }
    for (const auto& [step, level] : rotation_levels) add({KeyRole::rotation, step}, level);
    return result;
}

std::size_t KeyRequest::memory_bytes(const Parameters& parameters) const {
    std::size_t bytes = 0;
    for (const KeyShape& key : keys(parameters)) {
        const auto rows = static_cast<std::size_t>(key.level + 1 + key.special);
        bytes += static_cast<std::size_t>(key.digits()) * rows * parameters.ring_dimension() * sizeof(std::uint64_t);
    }
    return bytes;
}

std::size_t KeyRequest::file_bytes(const Parameters& parameters) const {
    std::size_t bytes = 0;
    for (const KeyShape& key : keys(parameters)) {
        bytes += sizeof(Seed) +
                 static_cast<std::size_t>(key.digits()) * parameters.packed_rows_bytes(key.level, key.special);
    }
    return bytes;
}

std::vector<std::string> missing_keys(const Parameters& parameters, const KeyRequest& wanted,
                                      const EvaluationKeys& held) {
    std::vector<std::string> missing;
    for (const KeyShape& key : wanted.keys(parameters)) {
        const SwitchingKey* found = held.find(key.id);
        if (found == nullptr) {
            missing.push_back(fmt::format("{} at level {}", describe(key.id), key.level));
        } else if (found->level < key.level) {
            missing.push_back(
                fmt::format("{} at level {} (there is one for level {})", describe(key.id), key.level, found->level));
        }
    }
    return missing;
}

}  // namespace polyformer::ckks
