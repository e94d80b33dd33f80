#include "polyformer/ckks/client/secret_polynomial.h"

#include <algorithm>

#include "polyformer/ckks/arithmetic/integers.h"
#include "polyformer/ckks/client/sampling.h"
#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::ckks {

void wipe(RnsPolynomial& polynomial) {
    for (std::size_t i = 0; i < polynomial.limbs(); ++i) {
        wipe(polynomial.limb(i).data(), polynomial.limb(i).size_bytes());
    }
}

SecretPolynomial::SecretPolynomial(const Parameters& parameters, std::span<const std::int8_t> coefficients, int level,
                                   int special)
    : rows_(RnsPolynomial::uninitialised(parameters.ring_dimension(), static_cast<std::size_t>(level + 1 + special))) {
    parallel_for(rows_.limbs(), [&](std::size_t row) {
        const NttTables& tables = parameters.row(level, row);
        const std::span<std::uint64_t> limb = rows_.limb(row);
        std::transform(coefficients.begin(), coefficients.end(), limb.begin(),
                       [&](std::int8_t c) { return small_residue(c, tables.modulus()); });
        kernels().forward_ntt(limb.data(), tables);
    });
}

std::vector<std::int8_t> gaussian_error(std::size_t n) {
    std::vector<std::int8_t> error(n);
    sample_gaussian(error);
    return error;
}

}  // namespace polyformer::ckks
