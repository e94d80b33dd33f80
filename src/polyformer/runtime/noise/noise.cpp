#include "polyformer/runtime/noise/noise.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace polyformer::runtime {

double root_mean_square(std::span<const double> values) {
    double sum = 0;
    for (const double value : values) sum += value * value;
    return std::sqrt(sum / static_cast<double>(values.size()));
}

// Rounding a ciphertext leaves uniform errors τ_0 + τ_1·s on N coefficients, of variance (1 + 2N/3)/12 each for a
// uniform ternary secret; the embedding sums N of them, half of the variance falling on the real part.
double rounding_noise(const ckks::Parameters& parameters, int level) {
    const auto n = static_cast<double>(parameters.ring_dimension());
    return std::sqrt(n * (2 * n / 3 + 1) / 24) / parameters.scale(level);
}

// Discrete Gaussian noise of deviation 3.2 on N coefficients.
double fresh_noise(const ckks::Parameters& parameters, int level) {
    return 3.2 * std::sqrt(static_cast<double>(parameters.ring_dimension()) / 2) / parameters.scale(level);
}

double product_noise(double left_noise, double left_size, double right_noise, double right_size) {
    return std::hypot(left_noise * right_size, right_noise * left_size);
}

double polynomial_noise(const ckks::Parameters& parameters, std::span<const double> coefficients, int level,
                        double input_noise) {
    const double rounding = rounding_noise(parameters, std::max(0, level - 1));
    std::vector<double> deviations{0, input_noise};
    double variance = 0;
    for (std::size_t k = 1; k < coefficients.size(); ++k) {
        // |T_k| is 1/√2 on average.
        if (k >= 2) {
            deviations.push_back(std::sqrt(2 * (std::pow(deviations[(k + 1) / 2], 2) + std::pow(deviations[k / 2], 2)) +
                                           rounding * rounding));
        }
        variance += std::pow(coefficients[k] * deviations[k], 2);
    }
    return std::sqrt(variance);
}

namespace {

using ckks::Pairing;

std::size_t neighbour(std::size_t index, std::size_t count) {
    return std::min(index ^ 1, count - 1);
}

/// Σ over a block's diagonals of their mean square times the variance of what they multiply: its own, and so much for
/// each rounding.
double block_variance(const ckks::PeriodicDiagonals& map, std::size_t output, std::size_t input, double own,
                      double rounding) {
    const ckks::DiagonalBlock& block = map.blocks[output][input];
    double sum = 0;
    for (std::size_t index = 0; index < block.size(); ++index) {
        const double variance = own + roundings(map, block.offset(index)) * rounding;
        block.for_each(index, [&](std::size_t, double value) { sum += value * value * variance; });
    }
    return sum / static_cast<double>(map.period);
}

}  // namespace

std::optional<std::size_t> paired_output(const ckks::PeriodicDiagonals& map, std::size_t output) {
    return map.pairing == Pairing::outputs ? std::optional(neighbour(output, map.outputs)) : std::nullopt;
}

std::optional<std::size_t> paired_input(const ckks::PeriodicDiagonals& map, std::size_t input) {
    const std::size_t other = neighbour(input, map.inputs);
    const bool paired = map.pairing == Pairing::inputs || (map.pairing == Pairing::both && other != input);
    return paired ? std::optional(other) : std::nullopt;
}

double roundings(const ckks::PeriodicDiagonals& map, long offset) {
    const long baby_step = ckks::split_offset(offset, map.stride, map.baby).baby_step;
    const bool sum_of_two = baby_step > map.saving.inner && baby_step % map.saving.inner != 0;
    return sum_of_two ? 2 : 1;
}

double rotated_factor_noise(const ckks::Parameters& parameters, const ckks::RotatedInnerProduct& product, int level) {
    const bool right_shifted =
        product.right_offset != 0 || product.last - product.first > product.baby * product.left_shifts;
    const double shifts = (product.left_shifts > 1 ? 0.5 : 0) + (right_shifted ? 0.5 : 0);
    return rounding_noise(parameters, level) * std::sqrt(1 + shifts + (product.inner > 1 ? 1 : 0));
}

double map_noise(const ckks::Parameters& parameters, const ckks::PeriodicDiagonals& map, std::size_t output, int level,
                 const InputNoise& inputs) {
    const double rounding = std::pow(rounding_noise(parameters, level), 2);
    const std::optional<std::size_t> other_output = paired_output(map, output);
    double variance = 0;
    for (std::size_t i = 0; i < map.inputs; ++i) {
        const std::optional<std::size_t> other_input = paired_input(map, i);
        const double leaked = other_input ? std::pow(inputs.imaginary[*other_input], 2) : 0;
        variance += block_variance(map, output, i, std::pow(inputs.real[i], 2) + leaked, rounding);
        if (other_output) {
            variance += block_variance(map, *other_output, i, std::pow(inputs.imaginary[i], 2), rounding);
        }
    }
    return std::sqrt(variance);
}

double imaginary_map_noise(const ckks::Parameters& parameters, const ckks::PeriodicDiagonals& map, std::size_t output,
                           int level, const InputNoise& inputs) {
    return map.pairing == Pairing::none ? map_noise(parameters, map, output, level, {inputs.imaginary, {}}) : 0;
}

// Twice the rounding of what was rescaled, and a key switch's: variances of 4 + 1, one of which the rescaling counts.
double parting_noise(const ckks::Parameters& parameters, const ckks::PeriodicDiagonals& map, std::size_t output,
                     int level) {
    const bool alone = output + 1 == map.outputs && map.outputs % 2 == 1;
    if (map.pairing == Pairing::none || (map.pairing == Pairing::both && alone)) return 0;
    // Its two parts are parted and added, one of them rotated.
    const double variance = map.pairing == Pairing::outputs && alone ? 2 * (4 + 1) : 4;
    return std::sqrt(variance) * rounding_noise(parameters, level);
}

}  // namespace polyformer::runtime
