// Extremes of values that may not be numbers. std::max(a, NaN) is a, so that an error which is not a number looks like
// none, and std::max_element calls some entry of a row of NaN the greatest: nothing like that may count as agreement.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>

namespace polyformer {

/// The larger of two; NaN when either is.
double larger(double a, double b);
/// The smaller of two; NaN when either is.
double smaller(double a, double b);

bool all_finite(std::span<const double> values);

/// Where the greatest value stands first; nothing when there are no values or one of them is not finite.
std::optional<std::size_t> argmax(std::span<const double> values);

/// As JSON, which knows neither NaN nor infinity: null for these.
nlohmann::json finite_or_null(double value);

}  // namespace polyformer
