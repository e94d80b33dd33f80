// What is done with reports on the inputs of polynomials: put together, written, shown.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "polyformer/model/interpreter/interpreter.h"

namespace polyformer::model {

/// Adds what another evaluation of the same graph saw; `all` may be empty at first.
void merge(std::vector<IntervalReport>& all, const std::vector<IntervalReport>& more);

/// Share of all polynomials' inputs that lay outside their intervals; 0 without inputs.
double outside_share(const std::vector<IntervalReport>& reports);

nlohmann::ordered_json to_json(const std::vector<IntervalReport>& reports);
/// A heading and a line for each polynomial.
std::string describe(const std::vector<IntervalReport>& reports);

}  // namespace polyformer::model
