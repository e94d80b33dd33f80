#include "polyformer/ckks/bootstrapping/bootstrap_counts.h"

#include <bit>

#include "polyformer/ckks/bootstrapping/transform_plan.h"
#include "polyformer/ckks/circuits/circuit_counts.h"
#include "polyformer/ckks/polynomials/polynomial_evaluation.h"

namespace polyformer::ckks {

OperationCounts bootstrap_counts(const Parameters& parameters, std::size_t ciphertexts) {
    const BootstrappingLiteral& literal = *parameters.literal().bootstrapping;
    OperationCounts sum;
    for (const PlannedFactor& factor : plan_transforms(parameters, parameters.slots(), 0).all()) {
        const OperationCounter at(parameters, factor.level, special_count(parameters, factor.role));
        sum += factor.counts(parameters) + at.division();
        if (factor.role != KeyRole::sparse_to_dense) sum += at.decomposition();
    }
    const OperationCounter conjugation(parameters, parameters.eval_mod_level() + 1);
    sum += conjugation.decomposition() + conjugation.key_product() + conjugation.half_division();
    // The polynomial's products lie within its levels, half way down on average; then one squaring for each angle.
    const auto each = static_cast<double>(ciphertexts);
    const int end = parameters.working_level() + literal.double_angles;
    sum += each * chebyshev_counts(parameters, static_cast<std::size_t>(literal.cosine_degree),
                                   (parameters.eval_mod_level() + end) / 2);
    for (int angle = 0; angle < literal.double_angles; ++angle) {
        const OperationCounter at(parameters, end - angle);
        sum += each * (at.product() + at.rescaling());
    }
    return sum;
}

std::size_t bootstrap_products(const Parameters& parameters, std::size_t ciphertexts) {
    const BootstrappingLiteral& literal = *parameters.literal().bootstrapping;
    const int products = chebyshev_products(static_cast<std::size_t>(literal.cosine_degree)) + literal.double_angles;
    return ciphertexts * static_cast<std::size_t>(products);
}

std::size_t bootstrap_key_switches(const Parameters& parameters, std::size_t slots, std::size_t ciphertexts,
                                   double key_price) {
    const auto repetitions = static_cast<std::size_t>(std::countr_zero(parameters.slots() / slots));
    return plan_transforms(parameters, slots, key_price).rotations() + repetitions + 3 +
           bootstrap_products(parameters, ciphertexts);
}

}  // namespace polyformer::ckks
