#include "polyformer/ckks/ring/special_fourier.h"

#include <bit>
#include <cmath>
#include <numbers>
#include <utility>

namespace polyformer::ckks {

namespace {

using Complex = std::complex<double>;

// std::complex's own product handles infinities and is several times slower.
Complex product(Complex a, Complex b) {
    return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

void bit_reverse(std::span<Complex> values) {
    const std::size_t n = values.size();
    for (std::size_t i = 1, j = 0; i < n; ++i) {
        std::size_t bit = n >> 1;
        for (; (j & bit) != 0; bit >>= 1) j ^= bit;
        j ^= bit;
        if (i < j) std::swap(values[i], values[j]);
    }
}

}  // namespace

SpecialFourier::SpecialFourier(std::size_t max_slots) : roots_(max_slots) {
    for (std::size_t half = 1; half < max_slots; half *= 2) {
        const std::size_t order = 8 * half;
        std::size_t power = 1;
        for (std::size_t j = 0; j < half; ++j) {
            const long double angle =
                2 * std::numbers::pi_v<long double> * static_cast<long double>(power) / static_cast<long double>(order);
            roots_[half + j] = {static_cast<double>(std::cos(angle)), static_cast<double>(std::sin(angle))};
            power = power * 5 % order;
        }
    }
}

void SpecialFourier::to_slots(std::span<Complex> values) const {
    const std::size_t n = values.size();
    bit_reverse(values);
    for (std::size_t half = 1; half < n; half *= 2) {
        const Complex* roots = roots_.data() + half;
        for (std::size_t start = 0; start < n; start += 2 * half) {
            Complex* low = values.data() + start;
            Complex* high = low + half;
            for (std::size_t j = 0; j < half; ++j) {
                const Complex v = product(high[j], roots[j]);
                high[j] = low[j] - v;
                low[j] += v;
            }
        }
    }
}

void SpecialFourier::to_coefficients(std::span<Complex> values) const {
    const std::size_t n = values.size();
    for (std::size_t half = n / 2; half >= 1; half /= 2) {
        const Complex* roots = roots_.data() + half;
        for (std::size_t start = 0; start < n; start += 2 * half) {
            Complex* low = values.data() + start;
            Complex* high = low + half;
            for (std::size_t j = 0; j < half; ++j) {
                const Complex difference = low[j] - high[j];
                low[j] += high[j];
                high[j] = product(difference, std::conj(roots[j]));
            }
        }
    }
    bit_reverse(values);
    const double scale = 1.0 / static_cast<double>(n);
    for (Complex& value : values) value *= scale;
}

}  // namespace polyformer::ckks
