#include "polyformer/ckks/evaluator/constants.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "polyformer/ckks/arithmetic/integers.h"
#include "polyformer/ckks/evaluator/row_loop.h"
#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {

namespace {

/// round(constant · scale) as evaluations: in the first half of each row, and in the second. i is X^(N/2), whose
/// evaluations are ψ^(N/2) in the first half and −ψ^(N/2) in the second.
std::pair<std::uint64_t, std::uint64_t> constant_residues(const NttTables& tables, std::complex<double> constant,
                                                          double scale) {
    const Modulus& q = tables.modulus();
    const std::uint64_t real = residue(std::nearbyint(constant.real() * scale), q);
    const std::uint64_t imaginary = q.multiply(residue(std::nearbyint(constant.imag() * scale), q), tables.roots()[1]);
    return {q.add(real, imaginary), q.subtract(real, imaginary)};
}

void check_constant(std::complex<double> constant, double scale, double log2_modulus, int level) {
    const double largest = std::max(std::abs(constant.real()), std::abs(constant.imag()));
    require(std::isfinite(constant.real()) && std::isfinite(constant.imag()), "the constant {} + {}i is not finite",
            constant.real(), constant.imag());
    require(std::isfinite(scale) && std::log2(largest * scale) + 1 < log2_modulus,
            "the constant {} + {}i at scale 2^{:.2f} overflows the {:.2f} bits of level {}", constant.real(),
            constant.imag(), std::log2(scale), log2_modulus, level);
}

/// Each row times the two residues that residues(tables) gives for its halves.
template <class Residues>
Ciphertext multiply_residues(const Parameters& parameters, const Ciphertext& a, double scale,
                             const Residues& residues) {
    check_ciphertext(parameters, a);
    Ciphertext result = uninitialised_ciphertext(parameters, a.at(a.level, a.scale * scale), a.components.size());
    const std::size_t half = parameters.ring_dimension() / 2;
    for_each_row(parameters, a.components.size(), a.level, [&](std::size_t c, std::size_t i, const Modulus& q) {
        const auto [first, second] = residues(parameters.q(static_cast<int>(i)));
        std::uint64_t* out = result.components[c].limb(i).data();
        const std::uint64_t* in = a.components[c].limb(i).data();
        kernels().multiply_scalar(out, in, first, half, q);
        kernels().multiply_scalar(out + half, in + half, second, half, q);
    });
    return result;
}

}  // namespace

Ciphertext add_constant(const Parameters& parameters, Ciphertext a, std::complex<double> constant) {
    check_ciphertext(parameters, a);
    check_constant(constant, a.scale, parameters.log2_q(a.level), a.level);
    const std::size_t half = parameters.ring_dimension() / 2;
    for_each_row(parameters, 1, a.level, [&](std::size_t, std::size_t i, const Modulus& q) {
        const auto [first, second] = constant_residues(parameters.q(static_cast<int>(i)), constant, a.scale);
        std::uint64_t* out = a.components[0].limb(i).data();
        kernels().add_scalar(out, out, first, half, q);
        kernels().add_scalar(out + half, out + half, second, half, q);
    });
    return a;
}

Ciphertext multiply_constant(const Parameters& parameters, const Ciphertext& a, std::complex<double> constant,
                             double scale) {
    check_ciphertext(parameters, a);
    const double at = scale == 0 ? parameters.scale(a.level) : scale;
    check_constant(constant, at, parameters.log2_q(a.level), a.level);
    return multiply_residues(parameters, a, at,
                             [&](const NttTables& tables) { return constant_residues(tables, constant, at); });
}

Ciphertext multiply_integer(const Parameters& parameters, const Ciphertext& a, std::int64_t factor) {
    return multiply_residues(parameters, a, 1, [factor](const NttTables& tables) {
        const std::uint64_t value = tables.modulus().reduce_signed(factor);
        return std::pair(value, value);
    });
}

Ciphertext multiply_by_i(const Parameters& parameters, const Ciphertext& a) {
    return multiply_residues(parameters, a, 1, [](const NttTables& tables) {
        return constant_residues(tables, {0, 1}, 1);
    });
}

}  // namespace polyformer::ckks
