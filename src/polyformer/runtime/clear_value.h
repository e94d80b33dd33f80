// What stands for a ciphertext on the clear back end, and arithmetic on vectors of slots. Rotation is cyclic: slot i of
// rot_s(x) is slot i + s of x.
#pragma once

#include <span>
#include <vector>

namespace polyformer::runtime {

/// What stands in for a ciphertext: its slots, and the level, scale and noise that a ciphertext would have.
struct ClearValue {
    std::vector<double> slots;      ///< real parts
    std::vector<double> imaginary;  ///< imaginary parts, or none where all are 0
    int level = 0;
    double scale = 1;
    double noise = 0;  ///< standard deviation of the noise in a slot, estimated
};

double root_mean_square(std::span<const double> values);

/// result[i] += factor[i mod period] · source[i + step], cyclically; periods and lengths are powers of two.
void add_rotated(std::span<double> result, std::span<const double> factor, std::span<const double> source, long step);

std::vector<double> rotated(std::span<const double> source, long step);

/// sum += i^quarter_turns · rot_step(value); slots only, not level, scale and noise.
void add_turned(ClearValue& sum, const ClearValue& value, long step, int quarter_turns);

}  // namespace polyformer::runtime
