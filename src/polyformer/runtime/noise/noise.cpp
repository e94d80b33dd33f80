#include "polyformer/runtime/noise/noise.h"

#include <algorithm>
#include <cmath>

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

double map_noise(const ckks::Parameters& parameters, const ckks::PeriodicDiagonals& map, std::size_t output, int level,
                 std::span<const double> input_noise) {
    const double rounding = std::pow(rounding_noise(parameters, level), 2);
    double variance = 0;
    for (std::size_t i = 0; i < map.inputs; ++i) {
        double size = 0;
        for (const auto& [offset, diagonal] : map.blocks[output][i]) size += std::pow(root_mean_square(diagonal), 2);
        variance += size * (std::pow(input_noise[i], 2) + rounding);
    }
    return std::sqrt(variance);
}

}  // namespace polyformer::runtime
