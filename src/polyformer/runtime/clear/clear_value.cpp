#include "polyformer/runtime/clear/clear_value.h"

#include <algorithm>
#include <cmath>

#include "polyformer/ckks/ring/automorphism.h"

namespace polyformer::runtime {

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

void add_rotated_products(ClearValue& sum, const ClearValue& left, const ClearValue& right,
                          const ckks::RotatedInnerProduct& product) {
    if (!left.imaginary.empty() || !right.imaginary.empty()) sum.imaginary.resize(sum.slots.size());
    for (long r = product.first; r < product.last; ++r) {
        const long right_step = r * product.right_step + product.right_offset;
        const auto add_products = [&](std::vector<double>& out, const std::vector<double>& a,
                                      const std::vector<double>& b, double sign) {
            if (a.empty() || b.empty()) return;
            std::vector<double> factor = rotated(a, r * product.left_step);
            for (double& value : factor) value *= sign;
            add_rotated(out, factor, b, right_step);
        };
        add_products(sum.slots, left.slots, right.slots, 1);
        add_products(sum.slots, left.imaginary, right.imaginary, -1);
        add_products(sum.imaginary, left.slots, right.imaginary, 1);
        add_products(sum.imaginary, left.imaginary, right.slots, 1);
    }
}

std::vector<double> evaluate_series(std::span<const double> coefficients, const std::vector<double>& u, double rounding,
                                    std::mt19937_64& generator) {
    std::vector<double> result(u.size(), coefficients[0]);
    std::vector<std::vector<double>> powers{std::vector<double>(u.size(), 1.0), u};
    std::normal_distribution<double> distribution(0, rounding);
    for (std::size_t k = 1; k < coefficients.size(); ++k) {
        if (k >= 2) {
            const std::size_t a = (k + 1) / 2;
            const std::size_t b = k / 2;
            std::vector<double> power(u.size());
            for (std::size_t i = 0; i < power.size(); ++i) {
                power[i] = 2 * powers[a][i] * powers[b][i] - powers[a - b][i];
                if (rounding > 0) power[i] += distribution(generator);
            }
            powers.push_back(std::move(power));
        }
        for (std::size_t i = 0; i < result.size(); ++i) result[i] += coefficients[k] * powers[k][i];
    }
    return result;
}

void apply_mask(std::span<const std::complex<double>> mask, ClearValue& value) {
    if (mask.empty()) return;
    const bool real = std::ranges::all_of(mask, [](const auto& weight) { return weight.imag() == 0; });
    if (!real) value.imaginary = value.slots;
    for (std::size_t i = 0; i < value.slots.size(); ++i) value.slots[i] *= mask[i % mask.size()].real();
    for (std::size_t i = 0; i < value.imaginary.size(); ++i) value.imaginary[i] *= mask[i % mask.size()].imag();
}

}  // namespace polyformer::runtime
