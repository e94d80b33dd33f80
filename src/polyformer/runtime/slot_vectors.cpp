#include "polyformer/runtime/slot_vectors.h"

#include <algorithm>
#include <cmath>

namespace polyformer::runtime {

double root_mean_square(std::span<const double> values) {
    double sum = 0;
    for (const double value : values) sum += value * value;
    return std::sqrt(sum / static_cast<double>(values.size()));
}

void add_rotated(std::span<double> result, std::span<const double> factor, std::span<const double> source, long step) {
    const std::size_t slots = source.size();
    const auto n = static_cast<long>(slots);
    const auto shift = static_cast<std::size_t>((step % n + n) % n);
    const std::size_t mask = factor.size() - 1;  // a power of two, as all periods are
    for (std::size_t i = 0; i < slots; ++i) result[i] += factor[i & mask] * source[(i + shift) & (slots - 1)];
}

std::vector<double> rotated(std::span<const double> source, long step) {
    std::vector<double> result(source.begin(), source.end());
    const auto n = static_cast<long>(source.size());
    std::rotate(result.begin(), result.begin() + (step % n + n) % n, result.end());
    return result;
}

}  // namespace polyformer::runtime
