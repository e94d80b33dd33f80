// What a plan will take, for people and for machines.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "polyformer/compile/plan/plan.h"

namespace polyformer::compile {

/// A table.
std::string describe(const Plan& plan);
/// The same numbers, and the stretches between bootstraps.
nlohmann::json to_json(const Plan& plan);

/// How the levels between bootstraps are spent, a line for each stretch.
std::string describe_stretches(const Plan& plan);

}  // namespace polyformer::compile
