#include "polyformer/support/extremes.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace polyformer {

double larger(double a, double b) {
    return std::isnan(a) || std::isnan(b) ? std::numeric_limits<double>::quiet_NaN() : std::max(a, b);
}

double smaller(double a, double b) {
    return -larger(-a, -b);
}

bool all_finite(std::span<const double> values) {
    return std::ranges::all_of(values, [](double value) { return std::isfinite(value); });
}

std::optional<std::size_t> argmax(std::span<const double> values) {
    if (values.empty() || !all_finite(values)) return std::nullopt;
    return static_cast<std::size_t>(std::ranges::max_element(values) - values.begin());
}

nlohmann::json finite_or_null(double value) {
    return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json(nullptr);
}

}  // namespace polyformer
