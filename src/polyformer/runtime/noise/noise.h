// What CKKS adds to a slot: the one place that both back ends without ciphertexts take it from. All are standard
// deviations of the real part, in units of the message.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "polyformer/ckks/circuits/periodic_transform.h"
#include "polyformer/ckks/circuits/rotated_inner_product.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::runtime {

/// What a bootstrap adds (docs/parameters.md).
inline constexpr double kBootstrapNoise = 0x1p-22;

double root_mean_square(std::span<const double> values);

/// Of one rescaling, or one division by P, at `level`.
double rounding_noise(const ckks::Parameters& parameters, int level);

/// Of a fresh ciphertext.
double fresh_noise(const ckks::Parameters& parameters, int level);

/// Of left · right, whose factors have these root mean squares and independent noise; before it is rescaled.
double product_noise(double left_noise, double left_size, double right_noise, double right_size);

/// Of Σ c_k T_k(u), each T_k rounded once, `level` being that of u.
double polynomial_noise(const ckks::Parameters& parameters, std::span<const double> coefficients, int level,
                        double input_noise);

/// Of two values that are the parts of one complex number (ckks::Pairing), each takes on the noise of what the other
/// one has no use for: of a map's outputs or inputs the other one of the pair, or the same one if it is paired with
/// itself. None where they are not paired.
std::optional<std::size_t> paired_output(const ckks::PeriodicDiagonals& map, std::size_t output);
std::optional<std::size_t> paired_input(const ckks::PeriodicDiagonals& map, std::size_t input);

/// Noise of a map's inputs, one number each. That of imaginary parts matters to pairs.
struct InputNoise {
    std::vector<double> real;
    std::vector<double> imaginary;
};

/// How often the input of a map was rounded before it meets this diagonal: once, or twice where its baby step is the
/// sum of two (ckks::KeySaving).
double roundings(const ckks::PeriodicDiagonals& map, long offset);
/// Standard deviation of the rounding of a factor of a rotated product at `level`, likewise: by the mean variance of
/// both, each rotated by a shift, where it has some, and by a baby step.
double rotated_factor_noise(const ckks::Parameters& parameters, const ckks::RotatedInnerProduct& product, int level);

/// Of output `output` of a map of inputs at `level`, before it is rescaled: each rotation adds its own rounding.
double map_noise(const ckks::Parameters& parameters, const ckks::PeriodicDiagonals& map, std::size_t output, int level,
                 const InputNoise& inputs);
/// That of its imaginary part: none where it is parted from another one.
double imaginary_map_noise(const ckks::Parameters& parameters, const ckks::PeriodicDiagonals& map, std::size_t output,
                           int level, const InputNoise& inputs);
/// What parting such an output adds to the rounding of its rescaling to `level`: the sum was only half as large, and it
/// is conjugated.
double parting_noise(const ckks::Parameters& parameters, const ckks::PeriodicDiagonals& map, std::size_t output,
                     int level);

}  // namespace polyformer::runtime
