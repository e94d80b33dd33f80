// What a plan will take, for people and for machines.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "polyformer/compile/compile.h"
#include "polyformer/compile/plan/plan.h"

namespace polyformer::compile {

/// A table.
std::string describe(const Plan& plan);
/// The same numbers, and the stretches between bootstraps.
nlohmann::json to_json(const Plan& plan);

/// What other keys would take, a line for each.
std::string describe(const std::vector<KeyPoint>& points, Keys chosen);
nlohmann::json to_json(const std::vector<KeyPoint>& points);

/// How the levels between bootstraps are spent, a line for each stretch.
std::string describe_stretches(const Plan& plan);

}  // namespace polyformer::compile
