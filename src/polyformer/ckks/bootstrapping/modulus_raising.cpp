#include "polyformer/ckks/bootstrapping/modulus_raising.h"

#include <algorithm>

#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/ckks/scheme/keys.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::ckks {

namespace {

/// Residues modulo q_0 to those of the same centred numbers modulo the whole chain and so many special primes, times
/// the product of the `factors` first of these.
RnsPolynomial raised(const Parameters& parameters, const RnsPolynomial& a, int special, int factors) {
    const std::size_t n = parameters.ring_dimension();
    const int level = parameters.max_level();
    const NttTables& base = parameters.q(0);
    RnsPolynomial result = RnsPolynomial::uninitialised(n, static_cast<std::size_t>(level + 1 + special));
    RnsPolynomial coefficients = RnsPolynomial::uninitialised(n, 1);
    std::uint64_t* residues = coefficients.limb(0).data();
    kernels().scaled_inverse_ntt(residues, a.limb(0).data(), 1, base);
    parallel_for(result.limbs(), [&](std::size_t row) {
        const NttTables& tables = parameters.row(level, row);
        std::uint64_t* out = result.limb(row).data();
        if (row == 0) {
            std::ranges::copy(a.limb(0), out);
        } else {
            kernels().reduce_centered(out, residues, base.modulus(), tables.modulus(), n);
            kernels().forward_ntt(out, tables);
        }
        const std::uint64_t factor = parameters.special_product(factors, tables.modulus());
        if (factors > 0) kernels().multiply_scalar(out, out, factor, n, tables.modulus());
    });
    return result;
}

}  // namespace

Ciphertext raise_modulus(const Parameters& parameters, const Ciphertext& a) {
    Ciphertext result{a.at(parameters.max_level(), a.scale), {}};
    for (const RnsPolynomial& component : a.components) {
        result.components.push_back(raised(parameters, component, 0, 0));
    }
    return result;
}

RaisedCiphertext raise_to_digit(const Parameters& parameters, const Ciphertext& a) {
    const int special = raised_special_count(parameters);
    return {a.at(parameters.max_level(), a.scale), raised(parameters, a.components.at(0), 0, special),
            raised(parameters, a.components.at(1), special, 0)};
}

}  // namespace polyformer::ckks
