#include "polyformer/ckks/scheme/key_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "polyformer/ckks/ring/automorphism.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {

namespace {

void check_level(const Parameters& parameters, std::string_view name, int level) {
    require(level >= 0 && level <= parameters.max_level(), "a {} key at level {} was asked for; levels are 0 to {}",
            name, level, parameters.max_level());
}

std::size_t shape_bytes(const Parameters& parameters, const KeyShape& key) {
    return sizeof(Seed) + static_cast<std::size_t>(key.digits()) * parameters.packed_rows_bytes(key.level, key.special);
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

void KeyRequest::add_rotation(const Parameters& parameters, KeyRole role, long step, int level) {
    if (role == KeyRole::rotation) return add_rotation(parameters, step, level);
    require(has_steps(role), "a {} key was asked for as a rotation", describe(KeyId{role}));
    const long normalised = normalised_step(step, parameters.slots());
    if (normalised == 0) return;
    (role == KeyRole::low_rotation ? low_steps : raised_steps).insert(static_cast<int>(normalised));
}

void KeyRequest::merge(const KeyRequest& other) {
    relinearisation_level = std::max(relinearisation_level, other.relinearisation_level);
    conjugation_level = std::max(conjugation_level, other.conjugation_level);
    bootstrapping = bootstrapping || other.bootstrapping;
    raised_steps.insert(other.raised_steps.begin(), other.raised_steps.end());
    low_steps.insert(other.low_steps.begin(), other.low_steps.end());
    for (const auto& [step, level] : other.rotation_levels) {
        int& entry = rotation_levels.try_emplace(step, level).first->second;
        entry = std::max(entry, level);
    }
}

std::vector<KeyShape> KeyRequest::keys(const Parameters& parameters) const {
    std::vector<KeyShape> result;
    const auto add = [&](KeyId id, int level) { result.push_back(key_shape(parameters, id, level)); };
    if (relinearisation_level) add({KeyRole::relinearisation}, *relinearisation_level);
    if (conjugation_level) add({KeyRole::conjugation}, *conjugation_level);
    require(parameters.can_bootstrap() || !(bootstrapping || !raised_steps.empty() || !low_steps.empty()),
            "bootstrapping keys were asked for, but these parameters have no bootstrapping levels");
    require(bootstrapping || raised_steps.empty(),
            "rotations from the sparse secret were asked for without the key that leads to it: ask for both");
    if (bootstrapping) {
        add({KeyRole::dense_to_sparse}, 0);
        add({KeyRole::sparse_to_dense}, parameters.max_level());
    }
    for (const int step : raised_steps) add({KeyRole::sparse_to_dense, step}, parameters.max_level());
    for (const auto& [step, level] : rotation_levels) add({KeyRole::rotation, step}, level);
    for (const int step : low_steps) add({KeyRole::low_rotation, step}, parameters.bootstrapping_input_level());
    return result;
}

std::size_t KeyRequest::memory_bytes(const Parameters& parameters) const {
    std::size_t bytes = 0;
    for (const KeyShape& key : keys(parameters)) {
        bytes += static_cast<std::size_t>(key.digits()) * parameters.packed_rows_bytes(key.level, key.special);
    }
    return bytes;
}

std::size_t KeyRequest::file_bytes(const Parameters& parameters) const {
    std::size_t bytes = 0;
    for (const KeyShape& key : keys(parameters)) bytes += shape_bytes(parameters, key);
    return bytes;
}

std::size_t key_file_bytes(const Parameters& parameters, int level, KeyRole role) {
    return shape_bytes(parameters, key_shape(parameters, {role}, level));
}

std::vector<std::string> key_differences(const Parameters& parameters, const KeyRequest& wanted,
                                         std::span<const KeyShape> held) {
    std::map<KeyId, const KeyShape*> unasked;
    for (const KeyShape& key : held) unasked.emplace(key.id, &key);
    std::vector<std::string> differences;
    for (const KeyShape& key : wanted.keys(parameters)) {
        const auto found = unasked.extract(key.id);
        if (found.empty()) {
            differences.push_back(fmt::format("{} at level {} is missing", describe(key.id), key.level));
        } else if (found.mapped()->level != key.level) {
            differences.push_back(fmt::format("{} is there for level {} instead of {}", describe(key.id),
                                              found.mapped()->level, key.level));
        } else if (*found.mapped() != key) {
            differences.push_back(
                fmt::format("{} has {} instead of {}", describe(key.id), describe(*found.mapped()), describe(key)));
        }
    }
    for (const auto& [id, key] : unasked) {
        differences.push_back(fmt::format("{} at level {} is not asked for", describe(id), key->level));
    }
    return differences;
}

std::string list_of(std::span<const std::string> differences) {
    constexpr std::size_t kShown = 8;
    return fmt::format("{}{}", fmt::join(differences.first(std::min(differences.size(), kShown)), ", "),
                       differences.size() > kShown ? ", …" : "");
}

}  // namespace polyformer::ckks
