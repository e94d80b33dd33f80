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

/// How far the farthest input lay from the middle of its interval, in halves of the interval's length: up to 1 all are
/// inside. NaN or infinite when an input was; 0 without inputs.
double farthest_outside(const std::vector<IntervalReport>& reports);

/// "12 % of the inputs of polynomials lie outside their intervals, up to 3.1 times as far from the middle as their
/// ends".
std::string describe_outside(double share, double farthest);

/// Extremes that are not finite are null.
nlohmann::ordered_json to_json(const std::vector<IntervalReport>& reports);
/// A heading and a line for each of a dozen polynomials, those first whose intervals were left most often.
std::string describe(const std::vector<IntervalReport>& reports);

}  // namespace polyformer::model
