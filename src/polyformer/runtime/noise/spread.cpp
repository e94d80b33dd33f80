#include "polyformer/runtime/noise/spread.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace polyformer::runtime {

namespace {

template <class Magnitude, class Values>
Spread spread_of(const Values& values, Magnitude magnitude) {
    double count = 0;
    double sum = 0;
    double squares = 0;
    for (const auto& value : values) {
        const double size = magnitude(value);
        if (size == 0) continue;
        count += 1;
        sum += size;
        squares += size * size;
    }
    if (count == 0) return {};
    const double mean = sum / count;
    return {mean, std::sqrt(std::max(0.0, squares / count - mean * mean)), count / static_cast<double>(values.size())};
}

}  // namespace

double NoiseValue::size() const {
    return std::hypot(mean, deviation);
}

// Where u = cos θ, p' = Σ k·c_k·sin(kθ)/sin θ.
Tangent tangent_at(std::span<const double> coefficients, double u) {
    Tangent result{coefficients[0], 0};
    double before = 1;  // T_{k−1} and U_{k−2}, then T_k and U_{k−1}
    double power = u;
    double slope_before = 0;
    double slope = 1;
    for (std::size_t k = 1; k < coefficients.size(); ++k) {
        result.value += coefficients[k] * power;
        result.slope += coefficients[k] * static_cast<double>(k) * slope;
        before = std::exchange(power, 2 * u * power - before);
        slope_before = std::exchange(slope, 2 * u * slope - slope_before);
    }
    return result;
}

Spread spread_of(std::span<const double> values) {
    return spread_of(values, [](double value) { return value; });
}

Spread spread_of(std::span<const std::complex<double>> values) {
    return spread_of(values, [](const std::complex<double>& value) { return std::abs(value); });
}

Spread product(const Spread& a, const Spread& b) {
    return {a.mean * b.mean,
            std::sqrt(std::pow(a.mean * b.deviation, 2) + std::pow(b.mean * a.deviation, 2) +
                      std::pow(a.deviation * b.deviation, 2)),
            std::min(a.share, b.share)};
}

Spread spread_of_value(const NoiseValue& value) {
    return {value.mean, value.deviation, value.share};
}

void set_spread(NoiseValue& value, const Spread& spread) {
    value.mean = spread.mean;
    value.deviation = spread.deviation;
    value.share = std::min(spread.share, 1.0);
}

void set_bounded(NoiseValue& value, const Spread& spread) {
    set_spread(value, {spread.mean, std::min(spread.deviation, kTypicalSize), spread.share});
}

PolynomialSpread polynomial_spread(std::span<const double> coefficients, const NoiseValue& input) {
    constexpr int kSteps = 24;
    constexpr double kReach = 3;
    double weights = 0;
    double sum = 0;
    double squares = 0;
    double slopes = 0;
    for (int i = -kSteps; i <= kSteps; ++i) {
        const double z = kReach * i / kSteps;
        const double weight = std::exp(-z * z / 2);
        const Tangent at = tangent_at(coefficients, std::clamp(input.mean + z * input.deviation, -1.0, 1.0));
        weights += weight;
        sum += weight * at.value;
        squares += weight * at.value * at.value;
        slopes += weight * at.slope * at.slope;
    }
    const double mean = sum / weights;
    return {{mean, std::sqrt(std::max(0.0, squares / weights - mean * mean)), input.share},
            std::sqrt(slopes / weights)};
}

InverseSpread inverse_spread(const compile::PolynomialStep& step, const NoiseValue& input) {
    constexpr int kSteps = 16;
    const auto [power, ratio] = *step.inverse;
    double weights = 0;
    double sum = 0;
    double squares = 0;
    double slopes = 0;
    for (int i = -kSteps; i <= kSteps; ++i) {
        const double z = 3.0 * i / kSteps;
        const double weight = std::exp(-z * z / 2);
        const double x = std::pow(ratio, 0.5 + z / 6);  // over the lower end
        const double u = std::clamp(2 * (x - 1) / (ratio - 1) - 1, -1.0, 1.0);
        const Tangent found = tangent_at(step.series.coefficients, u);
        weights += weight;
        sum += weight * found.value;
        squares += weight * found.value * found.value;
        slopes += weight * found.slope * found.slope;
    }
    const double mean = sum / weights;
    const double estimated = std::max(1 + (input.mean + 1) / 2 * (ratio - 1), 1e-3);
    return {{mean, std::sqrt(std::max(0.0, squares / weights - mean * mean)), input.share},
            std::sqrt(slopes / weights),
            std::pow(std::sqrt(ratio) / estimated, power)};
}

void PartOfSum::add(double sign, const NoiseValue& term, double share_of_term, bool half) {
    mean += sign * term.mean * share_of_term;
    variance += sign * sign * term.deviation * term.deviation * share_of_term;
    noise += sign * sign * term.noise * term.noise * share_of_term;
    shares += share_of_term;
    most = std::max(most, share_of_term);
    halves = halves || half;
}

double PartOfSum::share() const {
    return std::min(1.0, halves ? std::min(shares, 2 * most) : most);
}

}  // namespace polyformer::runtime
