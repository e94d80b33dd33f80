#include "polyformer/ckks/key_switching/extended_ciphertext.h"

#include <utility>

#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::ckks {

ExtendedCiphertext uninitialised_extended(const Parameters& parameters, CiphertextMetadata metadata) {
    const auto rows = static_cast<std::size_t>(metadata.level + 1 + parameters.special_count());
    const std::size_t n = parameters.ring_dimension();
    return {std::move(metadata), {RnsPolynomial::uninitialised(n, rows), RnsPolynomial::uninitialised(n, rows)}};
}

void check_extended(const Parameters& parameters, const ExtendedCiphertext& a) {
    const auto rows = static_cast<std::size_t>(a.level + 1 + parameters.special_count());
    for (const RnsPolynomial& component : a.components) {
        require(a.level >= 0 && component.limbs() == rows && component.ring_dimension() == parameters.ring_dimension(),
                "a value over Q·P at level {} has {} limbs of ring dimension {}; these parameters want {} of {}",
                a.level, component.limbs(), component.ring_dimension(), rows, parameters.ring_dimension());
    }
}

ExtendedCiphertext times_special(const Parameters& parameters, const Ciphertext& a) {
    const std::size_t n = parameters.ring_dimension();
    const auto q_rows = static_cast<std::size_t>(a.level) + 1;
    const std::size_t rows = q_rows + static_cast<std::size_t>(parameters.special_count());
    ExtendedCiphertext result{a.metadata(), {RnsPolynomial(n, rows), RnsPolynomial(n, rows)}};
    parallel_for(2 * q_rows, [&](std::size_t task) {
        const std::size_t c = task / q_rows;
        const std::size_t row = task % q_rows;
        const Modulus& q = parameters.row(a.level, row).modulus();
        kernels().multiply_scalar(result.components[c].limb(row).data(), a.components[c].limb(row).data(),
                                  parameters.special_product(parameters.special_count(), q), n, q);
    });
    return result;
}

Ciphertext divide_by_special(const Parameters& parameters, const ExtendedCiphertext& a, const Ciphertext* addend,
                             int levels) {
    Ending ending{.rescaled_levels = levels};
    if (addend != nullptr) ending.addends = {&addend->components[0], &addend->components[1]};
    const CiphertextMetadata metadata = addend == nullptr ? a.metadata() : sum_of(a, *addend);
    return ciphertext_of(rescaled(parameters, metadata, levels),
                         divide_by_special(parameters, a.components, a.level, parameters.special_count(), ending));
}

}  // namespace polyformer::ckks
