// Vectors of slots on the clear back end. Rotation is cyclic: slot i of rot_s(x) is slot i + s of x.
#pragma once

#include <span>
#include <vector>

namespace polyformer::runtime {

double root_mean_square(std::span<const double> values);

/// result[i] += factor[i mod period] · source[i + step], cyclically; periods and lengths are powers of two.
void add_rotated(std::span<double> result, std::span<const double> factor, std::span<const double> source, long step);

std::vector<double> rotated(std::span<const double> source, long step);

}  // namespace polyformer::runtime
