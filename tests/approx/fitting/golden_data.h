// Golden values that scripts/golden-approx computed with mpmath.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "polyformer/approx/fitting/target_function.h"

namespace polyformer::approx {

/// The cases of tests/approx/data/<name>.json.
inline nlohmann::json golden(const std::string& name) {
    const std::string path = std::string(POLYFORMER_TEST_DATA) + "/" + name + ".json";
    std::ifstream file(path);
    if (!file) throw std::runtime_error("cannot read " + path + ": run scripts/golden-approx");
    return nlohmann::json::parse(file);
}

inline TargetFunction target_of(const nlohmann::json& item) {
    return target_function(item.at("function").get<std::string>());
}

inline Interval interval_of(const nlohmann::json& item) {
    return {item.at("lower").get<double>(), item.at("upper").get<double>()};
}

}  // namespace polyformer::approx
