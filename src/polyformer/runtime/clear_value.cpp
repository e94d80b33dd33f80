#include "polyformer/runtime/clear_value.h"

#include <algorithm>
#include <cmath>

#include "polyformer/ckks/ring/automorphism.h"

namespace polyformer::runtime {

double root_mean_square(std::span<const double> values) {
    double sum = 0;
    for (const double value : values) sum += value * value;
    return std::sqrt(sum / static_cast<double>(values.size()));
}

void add_rotated(std::span<double> result, std::span<const double> factor, std::span<const double> source, long step) {
    const std::size_t slots = source.size();
    const auto shift = static_cast<std::size_t>(ckks::normalised_step(step, slots));
    const std::size_t mask = factor.size() - 1;  // a power of two, as all periods are
    for (std::size_t i = 0; i < slots; ++i) result[i] += factor[i & mask] * source[(i + shift) & (slots - 1)];
}

std::vector<double> rotated(std::span<const double> source, long step) {
    std::vector<double> result(source.begin(), source.end());
    std::rotate(result.begin(), result.begin() + ckks::normalised_step(step, result.size()), result.end());
    return result;
}

void add_turned(ClearValue& sum, const ClearValue& value, long step, int quarter_turns) {
    const auto add_part = [&](std::vector<double>& out, const std::vector<double>& part, double sign) {
        if (part.empty()) return;
        out.resize(part.size());
        const std::vector<double> moved = rotated(part, step);
        for (std::size_t i = 0; i < out.size(); ++i) out[i] += sign * moved[i];
    };
    const double sign = quarter_turns / 2 % 2 == 0 ? 1 : -1;
    const bool turned = quarter_turns % 2 != 0;
    add_part(turned ? sum.imaginary : sum.slots, value.slots, sign);
    add_part(turned ? sum.slots : sum.imaginary, value.imaginary, turned ? -sign : sign);
}

}  // namespace polyformer::runtime
