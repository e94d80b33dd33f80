// Costs as JSON: part of every plan's file, and what a calibration is stored as.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "polyformer/compile/plan/cost_model.h"

namespace polyformer::compile {

nlohmann::json costs_to_json(const CostModel& costs);
/// Throws FormatError, naming `place`, for a missing, unknown or mistyped field, costs that are not finite or negative,
/// no threads, and a machine's name that is empty, longer than a line or not printable.
CostModel costs_from_json(const nlohmann::json& object, const std::string& place);

}  // namespace polyformer::compile
