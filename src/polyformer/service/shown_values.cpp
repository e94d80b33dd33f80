#include "polyformer/service/shown_values.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace polyformer::service {

double disclosed_grid(const ClientPlan& plan) {
    constexpr double kTimesNoise = 1024;
    return std::exp2(std::ceil(std::log2(kTimesNoise * plan.output_noise)));
}

double shown_grid(const ClientPlan& plan) {
    constexpr double kSteps = 256;
    constexpr double kLeastSteps = 16;
    const double bound = plan.frame.output_bound;
    const double coarse = std::exp2(std::floor(std::log2(bound / kSteps)));
    const double disclosed = disclosed_grid(plan);
    return disclosed <= bound / kLeastSteps ? std::max(coarse, disclosed) : coarse;
}

std::vector<double> rounded_to(std::vector<double> values, double grid) {
    if (grid == 0) return values;
    for (double& value : values) value = grid * std::round(value / grid);
    return values;
}

ShownVector shown_vector(std::span<const double> values, bool normalise, double grid) {
    ShownVector shown{std::vector<double>(values.begin(), values.end()),
                      std::sqrt(std::inner_product(values.begin(), values.end(), values.begin(), 0.0))};
    const double length = shown.length;
    if (normalise) {
        for (double& value : shown.values) value /= length;
    }
    // Shrunk to length 1, so is the noise.
    const double shrunk = grid == 0 || !normalise || !std::isfinite(length) || length == 0
                              ? grid
                              : std::exp2(std::ceil(std::log2(grid / length)));
    shown.values = rounded_to(std::move(shown.values), shrunk);
    shown.length = rounded_to({length}, grid).front();
    return shown;
}

}  // namespace polyformer::service
