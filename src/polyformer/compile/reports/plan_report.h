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

/// With what each kind of keys would take, and how the levels between bootstraps are spent: all that `polyformer plan`
/// says.
std::string describe(const Plan& plan, const std::vector<KeyPoint>& points);
/// The first with "key_points" besides.
nlohmann::json to_json(const Plan& plan, const std::vector<KeyPoint>& points);

}  // namespace polyformer::compile
