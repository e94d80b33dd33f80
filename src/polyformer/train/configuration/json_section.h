// Reads one object of a configuration: every value is checked against its bounds, unknown keys are refused.
#pragma once

#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>

#include "polyformer/support/error.h"

namespace polyformer::train {

/// Missing keys leave the value as it is. Every error is a FormatError that names the place, the value and what is
/// allowed.
class JsonSection {
  public:
    using Json = nlohmann::ordered_json;

    JsonSection(const Json& json, std::string place) : json_(json), place_(std::move(place)) {
        require<FormatError>(json.is_object(), "{}: expected an object in braces, found {}", place_, json.type_name());
    }

    const std::string& place() const { return place_; }

    void read(const char* key, double& value, double least, double most) {
        const Json* found = find(key);
        if (found == nullptr) return;
        require<FormatError>(found->is_number(), "{}.{}: expected a number, found {}", place_, key, found->dump());
        value = found->get<double>();
        require<FormatError>(std::isfinite(value) && value >= least && value <= most, "{}.{}: {} is outside [{}, {}]",
                             place_, key, value, least, most);
    }

    void read(const char* key, std::size_t& value, std::size_t least, std::size_t most) {
        const Json* found = find(key);
        if (found == nullptr) return;
        require<FormatError>(found->is_number_unsigned(), "{}.{}: expected a whole number, found {}", place_, key,
                             found->dump());
        value = found->get<std::size_t>();
        require<FormatError>(value >= least && value <= most, "{}.{}: {} is outside [{}, {}]", place_, key, value,
                             least, most);
    }

    void read(const char* key, bool& value) {
        const Json* found = find(key);
        if (found == nullptr) return;
        require<FormatError>(found->is_boolean(), "{}.{}: expected true or false, found {}", place_, key,
                             found->dump());
        value = found->get<bool>();
    }

    void read(const char* key, std::string& value) {
        const Json* found = find(key);
        if (found == nullptr) return;
        require<FormatError>(found->is_string(), "{}.{}: expected a text in quotes, found {}", place_, key,
                             found->dump());
        value = found->get<std::string>();
    }

    /// One of the names in `allowed`.
    template <class Names>
    void choose(const char* key, std::string& value, const Names& allowed) {
        const Json* found = find(key);
        if (found == nullptr) return;
        std::string list;
        for (const char* name : allowed) {
            if (*found == name) {
                value = name;
                return;
            }
            list += list.empty() ? name : fmt::format(", {}", name);
        }
        fail<FormatError>("{}.{}: {} is none of: {}", place_, key, found->dump(), list);
    }

    template <class Read>
    void section(const char* key, const Read& read_section) {
        const Json* found = find(key);
        if (found == nullptr) return;
        JsonSection inner(*found, fmt::format("{}.{}", place_, key));
        read_section(inner);
        inner.refuse_unknown();
    }

    /// The value of a key, or null: for parts with a form of their own.
    const Json* find(const char* key) {
        asked_.insert(key);
        const auto found = json_.find(key);
        return found == json_.end() ? nullptr : &*found;
    }

    void refuse_unknown() const {
        std::string known;
        for (const std::string& name : asked_) known += known.empty() ? name : ", " + name;
        for (const auto& [key, value] : json_.items()) {
            require<FormatError>(asked_.contains(key), "{}: unknown key '{}' (known: {})", place_, key, known);
        }
    }

  private:
    const Json& json_;
    std::string place_;
    std::set<std::string> asked_;
};

}  // namespace polyformer::train
