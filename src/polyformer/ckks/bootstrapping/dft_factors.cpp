#include "polyformer/ckks/bootstrapping/dft_factors.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <numbers>

#include "polyformer/ckks/ring/automorphism.h"

namespace polyformer::ckks {

namespace {

using Complex = std::complex<double>;
using Diagonals = std::map<long, std::vector<Complex>>;

/// exp(2πi·5^j / 8h), j < h: the twiddle factors of the stage that joins distance h.
std::vector<Complex> twiddles(std::size_t h) {
    std::vector<Complex> roots(h);
    std::size_t power = 1;
    for (Complex& root : roots) {
        const long double angle =
            2 * std::numbers::pi_v<long double> * static_cast<long double>(power) / static_cast<long double>(8 * h);
        root = {static_cast<double>(std::cos(angle)), static_cast<double>(std::sin(angle))};
        power = power * 5 % (8 * h);
    }
    return roots;
}

/// One butterfly stage over n slots: (a, b) → (a + w·b, a − w·b), or its inverse (a, b) → ((a + b)/2, (a − b)/2w).
Diagonals stage(std::size_t n, int index, DftDirection direction) {
    const std::size_t distance = std::size_t{1} << index;
    const std::vector<Complex> roots = twiddles(distance);
    const auto offset = static_cast<long>(distance);
    Diagonals diagonals;
    for (const long d : {-offset, 0L, offset}) diagonals[d].assign(n, 0);
    for (std::size_t i = 0; i < n; ++i) {
        const bool upper = (i & distance) != 0;
        const Complex root = roots[i % distance];
        if (direction == DftDirection::to_slots) {
            diagonals[0][i] = upper ? -root : Complex(1);
            diagonals[upper ? -offset : offset][i] = upper ? Complex(1) : root;
        } else {
            diagonals[0][i] = upper ? -0.5 * std::conj(root) : Complex(0.5);
            diagonals[upper ? -offset : offset][i] = upper ? 0.5 * std::conj(root) : Complex(0.5);
        }
    }
    return diagonals;
}

/// The matrix left·right.
Diagonals product(const Diagonals& left, const Diagonals& right, std::size_t n) {
    Diagonals result;
    for (const auto& [outer, left_values] : left) {
        for (const auto& [inner, right_values] : right) {
            std::vector<Complex>& sum = result[outer + inner];
            sum.resize(n);
            for (std::size_t i = 0; i < n; ++i) {
                const std::size_t from = (i + static_cast<std::size_t>(outer)) & (n - 1);  // wraps below 0 too
                sum[i] += left_values[i] * right_values[from];
            }
        }
    }
    return result;
}

/// Offsets −(2^stages − 1)·2^first …, or when the last stage is among them, which joins slots half the ring apart,
/// their residues modulo n.
long normalised_offset(long offset, const DftGroup& group, std::size_t n) {
    const bool wraps = (std::size_t{1} << group.end()) == n;
    return wraps ? normalised_step(offset, n) : offset;
}

DftFactor pattern_of(const DftGroup& group, std::size_t n) {
    DftFactor factor;
    factor.stride = 1L << group.first;
    factor.baby = group.baby;
    factor.inner = group.inner;
    factor.period = group.stages == 0 ? 1 : std::size_t{1} << group.end();  // no stages: the identity
    const long reach = (1L << group.stages) - 1;
    for (long multiple = -reach; multiple <= reach; ++multiple) {
        factor.diagonals[normalised_offset(multiple * factor.stride, group, n)];
    }
    return factor;
}

DftFactor factor_of(const DftGroup& group, std::size_t n, DftDirection direction) {
    Diagonals matrix{{0, std::vector<Complex>(n, 1)}};
    for (int index = 0; index < group.stages; ++index) {
        const Diagonals next = stage(n, group.first + index, direction);
        matrix = direction == DftDirection::to_slots ? product(next, matrix, n) : product(matrix, next, n);
    }
    DftFactor factor = pattern_of(group, n);
    for (const auto& [offset, values] : matrix) {
        std::vector<Complex>& sum = factor.diagonals.at(normalised_offset(offset, group, n));
        sum.resize(n);
        std::transform(values.begin(), values.end(), sum.begin(), sum.begin(), std::plus<>());
    }
    return factor;
}

}  // namespace

std::vector<DftFactor> dft_factors(std::size_t slots, std::span<const DftGroup> groups, DftDirection direction) {
    std::vector<DftFactor> factors;
    for (const DftGroup& group : groups) factors.push_back(factor_of(group, slots, direction));
    return factors;
}

std::vector<DftFactor> dft_pattern(std::size_t slots, std::span<const DftGroup> groups) {
    std::vector<DftFactor> factors;
    for (const DftGroup& group : groups) factors.push_back(pattern_of(group, slots));
    return factors;
}

}  // namespace polyformer::ckks
