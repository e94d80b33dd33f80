#include "polyformer/runtime/noise_backend.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "polyformer/runtime/clear_value.h"
#include "polyformer/runtime/executor.h"
#include "polyformer/runtime/noise.h"
#include "polyformer/support/extremes.h"

namespace polyformer::runtime {

namespace {

/// Of values stored over their bound, which is the greatest of all: inputs, and the sums that run through a network.
constexpr double kTypicalSize = 0.25;

double capped(double size, double most = 1) {
    return std::min(most, size);
}

double root_mean_square_or(std::span<const double> values, double otherwise) {
    return values.empty() ? otherwise : root_mean_square(values);
}

std::vector<double> magnitudes(std::span<const std::complex<double>> values) {
    std::vector<double> result;
    for (const std::complex<double>& value : values) result.push_back(std::abs(value));
    return result;
}

/// Share of a layout's positions that hold something.
double share_in_use(const compile::Layout& layout) {
    std::ptrdiff_t used = 0;
    for (const auto& positions : layout.position) {
        used += std::ranges::count_if(positions, [](std::int32_t held) { return held != compile::Layout::kNothing; });
    }
    return static_cast<double>(used) / static_cast<double>(layout.ciphertexts() * layout.row());
}

}  // namespace

NoiseValue NoiseBackend::rescaled(int level, double noise, double size) const {
    return {level - 1, std::hypot(noise, rounding_noise(parameters_, level - 1)), capped(size)};
}

NoiseValue NoiseBackend::encrypt(int level) const {
    return {level, fresh_noise(parameters_, level), kTypicalSize};
}

NoiseValue NoiseBackend::adjust(const Value& value, int level) const {
    if (value.level == level) return value;
    return {level, std::hypot(value.noise, rounding_noise(parameters_, level)), value.size};
}

NoiseValue NoiseBackend::scaled(const Value& value, double factor) const {
    return {value.level, value.noise * std::abs(factor), capped(value.size * std::abs(factor))};
}

NoiseValue NoiseBackend::add(const Value& left, const Value& right) const {
    return {left.level, std::hypot(left.noise, right.noise), capped(std::hypot(left.size, right.size), kTypicalSize)};
}

NoiseValue NoiseBackend::multiply(const Value& left, const Value& right) const {
    return rescaled(left.level, product_noise(left.noise, left.size, right.noise, right.size), left.size * right.size);
}

NoiseValue NoiseBackend::square(const Value& value) const {
    return rescaled(value.level, 2 * value.noise * value.size, value.size * value.size);
}

std::vector<NoiseValue> NoiseBackend::linear_map(const compile::LinearMapStep& step,
                                                 std::span<const Value> inputs) const {
    std::vector<double> noise;
    for (const Value& input : inputs) noise.push_back(input.noise);
    const int level = inputs.front().level;
    std::vector<Value> outputs;
    for (std::size_t o = 0; o < step.map.outputs; ++o) {
        double size = std::pow(root_mean_square_or(step.bias[o], 0), 2);
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            for (const auto& [offset, diagonal] : step.map.blocks[o][i]) {
                size += std::pow(root_mean_square(diagonal) * inputs[i].size, 2);
            }
        }
        outputs.push_back(rescaled(level, map_noise(parameters_, step.map, o, level, noise), std::sqrt(size)));
    }
    return outputs;
}

NoiseValue NoiseBackend::affine(const compile::AffineStep& step, const Value& input) const {
    return rescaled(input.level, input.noise * root_mean_square(step.mask),
                    std::hypot(input.size * root_mean_square(step.mask), root_mean_square_or(step.addend, 0)));
}

std::vector<NoiseValue> NoiseBackend::polynomial(const compile::PolynomialStep& step,
                                                 std::span<const Value> inputs) const {
    const std::vector<double>& coefficients = step.series.coefficients;
    double square = coefficients[0] * coefficients[0];
    for (std::size_t k = 1; k < coefficients.size(); ++k) square += coefficients[k] * coefficients[k] / 2;
    std::vector<Value> outputs;
    for (const Value& input : inputs) {
        const int level = input.level - step.series.depth();
        const double noise = polynomial_noise(parameters_, coefficients, input.level, input.noise);
        const double mask = root_mean_square_or(magnitudes(step.series.mask), 1);
        outputs.push_back(
            {level, std::hypot(noise * mask, rounding_noise(parameters_, level)), capped(std::sqrt(square) * mask)});
    }
    return outputs;
}

std::vector<NoiseValue> NoiseBackend::rotated_product(const compile::RotatedProductStep& step,
                                                      std::span<const Value> left, std::span<const Value> right) const {
    const double terms = std::sqrt(static_cast<double>(step.product.last - step.product.first));
    std::vector<Value> outputs;
    for (std::size_t i = 0; i < left.size(); ++i) {
        const double rotation = rounding_noise(parameters_, left[i].level);
        const double noise =
            product_noise(left[i].noise + rotation, left[i].size, right[i].noise + rotation, right[i].size);
        outputs.push_back(rescaled(left[i].level, terms * noise, terms * left[i].size * right[i].size));
    }
    return outputs;
}

NoiseValue NoiseBackend::sum_slots(const compile::SumSlotsStep& step, const Value& input) const {
    Value result = input;
    for (int doubling = 0; doubling < std::countr_zero(step.count); ++doubling) {
        result.noise = std::hypot(result.noise * std::sqrt(2.0), rounding_noise(parameters_, input.level));
    }
    result.size = capped(input.size * static_cast<double>(step.count));
    return result;
}

NoiseValue NoiseBackend::combine(const compile::CombineStep& step, std::span<const Value> values) const {
    double variance = 0;
    double size = std::pow(root_mean_square_or(step.addend, 0), 2);
    std::size_t key_switches = step.doubled_real_part ? 1 : 0;
    const double factor = step.doubled_real_part ? 2 : 1;
    for (std::size_t k = 0; k < values.size(); ++k) {
        variance += std::pow(factor * values[k].noise, 2);
        size += std::pow(factor * values[k].size, 2);
        key_switches += step.terms[k].rotation != 0 ? 1 : 0;
    }
    const int level = values.front().level;
    const double rounding = std::sqrt(static_cast<double>(key_switches)) * rounding_noise(parameters_, level);
    return {level, std::hypot(std::sqrt(variance), rounding), capped(std::sqrt(size))};
}

std::vector<NoiseValue> NoiseBackend::bootstrap(std::span<const Value> inputs) const {
    std::vector<Value> outputs;
    for (const Value& input : inputs) {
        outputs.push_back({parameters_.working_level(), std::hypot(input.noise, kBootstrapNoise), input.size});
    }
    return outputs;
}

NoiseValue NoiseBackend::select_token(const Value& input, std::size_t) const {
    Value result = rescaled(input.level, input.noise, input.size);
    const double copies = std::sqrt(2 * static_cast<double>(packing_.tokens));
    result.noise = std::hypot(result.noise, copies * rounding_noise(parameters_, result.level));
    return result;
}

double foreseen_noise(const compile::Plan& plan) {
    NoiseBackend backend(plan.frame.parameters, plan.frame.packing);
    const std::vector<NoiseValue> inputs(plan.inputs.size(), backend.encrypt(plan.frame.input_level));
    double noise = 0;
    for (const NoiseValue& output : run(plan, backend, inputs, plan.frame.context).outputs) {
        noise = larger(noise, output.noise);
    }
    // What is foreseen is the mean over all slots; those that hold no logit have next to none.
    return plan.frame.output_bound * noise / std::sqrt(share_in_use(plan.frame.output_layout));
}

}  // namespace polyformer::runtime
