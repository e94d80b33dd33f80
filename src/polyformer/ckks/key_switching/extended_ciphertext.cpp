#include "polyformer/ckks/key_switching/extended_ciphertext.h"

#include <utility>

#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::ckks {

namespace {

/// `body(component, row, modulus)` for the first `rows` rows of both components.
template <class Body>
void for_each_of_both(const Parameters& parameters, int level, std::size_t rows, Body body) {
    parallel_for(2 * rows, [&](std::size_t task) {
        body(task / rows, task % rows, parameters.row(level, task % rows).modulus());
    });
}

void check_operands(const ExtendedCiphertext& sum, const ExtendedCiphertext& a) {
    require(a.level == sum.level && a.slots == sum.slots && a.special() == sum.special(),
            "cannot add a rotation at level {} with {} slots over {} special primes to one at level {} with {} slots "
            "over {}",
            a.level, a.slots, a.special(), sum.level, sum.slots, sum.special());
}

}  // namespace

ExtendedCiphertext uninitialised_extended(const Parameters& parameters, CiphertextMetadata metadata, int special) {
    const auto rows = static_cast<std::size_t>(metadata.level + 1 + special);
    const std::size_t n = parameters.ring_dimension();
    return {std::move(metadata), {RnsPolynomial::uninitialised(n, rows), RnsPolynomial::uninitialised(n, rows)}};
}

void check_extended(const Parameters& parameters, const ExtendedCiphertext& a) {
    const std::size_t rows = a.components[0].limbs();
    for (const RnsPolynomial& component : a.components) {
        require(a.level >= 0 && a.level <= parameters.max_level() && a.special() >= 1 &&
                    a.special() <= parameters.special_count() && component.limbs() == rows &&
                    component.ring_dimension() == parameters.ring_dimension(),
                "a value over Q·P at level {} has {} limbs of ring dimension {}; these parameters want {} to {} of {}",
                a.level, component.limbs(), component.ring_dimension(), a.level + 2,
                a.level + 1 + parameters.special_count(), parameters.ring_dimension());
    }
}

ExtendedCiphertext times_special(const Parameters& parameters, const Ciphertext& a, int special) {
    const std::size_t n = parameters.ring_dimension();
    const auto q_rows = static_cast<std::size_t>(a.level) + 1;
    const std::size_t rows = q_rows + static_cast<std::size_t>(special);
    ExtendedCiphertext result{a.metadata(), {RnsPolynomial(n, rows), RnsPolynomial(n, rows)}};
    for_each_of_both(parameters, a.level, q_rows, [&](std::size_t c, std::size_t row, const Modulus& q) {
        kernels().multiply_scalar(result.components[c].limb(row).data(), a.components[c].limb(row).data(),
                                  parameters.special_product(special, q), n, q);
    });
    return result;
}

void add_extended(const Parameters& parameters, ExtendedCiphertext& sum, const ExtendedCiphertext& a) {
    check_operands(sum, a);
    for_each_of_both(parameters, a.level, a.components[0].limbs(),
                     [&](std::size_t c, std::size_t row, const Modulus& q) {
                         std::uint64_t* out = sum.components[c].limb(row).data();
                         kernels().add(out, out, a.components[c].limb(row).data(), parameters.ring_dimension(), q);
                     });
}

void subtract_extended(const Parameters& parameters, ExtendedCiphertext& difference, const ExtendedCiphertext& a) {
    check_operands(difference, a);
    for_each_of_both(parameters, a.level, a.components[0].limbs(),
                     [&](std::size_t c, std::size_t row, const Modulus& q) {
                         std::uint64_t* out = difference.components[c].limb(row).data();
                         kernels().subtract(out, out, a.components[c].limb(row).data(), parameters.ring_dimension(), q);
                     });
}

void add_times_special(const Parameters& parameters, ExtendedCiphertext& sum, const Ciphertext& a) {
    require(a.level == sum.level && a.components.size() == 2,
            "cannot add {} components at level {} to a sum of rotations at level {}", a.components.size(), a.level,
            sum.level);
    for_each_of_both(parameters, a.level, static_cast<std::size_t>(a.level) + 1,
                     [&](std::size_t c, std::size_t row, const Modulus& q) {
                         kernels().multiply_scalar_add(
                             sum.components[c].limb(row).data(), a.components[c].limb(row).data(),
                             parameters.special_product(sum.special(), q), parameters.ring_dimension(), q);
                     });
}

Ciphertext divide_by_special(const Parameters& parameters, const ExtendedCiphertext& a, const Ciphertext* addend,
                             int levels) {
    Ending ending{.rescaled_levels = levels};
    if (addend != nullptr) ending.addends = {&addend->components[0], &addend->components[1]};
    const CiphertextMetadata metadata = addend == nullptr ? a.metadata() : sum_of(a, *addend);
    return ciphertext_of(rescaled(parameters, metadata, levels),
                         divide_by_special(parameters, a.components, a.level, a.special(), ending));
}

}  // namespace polyformer::ckks
