#include "polyformer/ckks/bootstrapping/bootstrap_counts.h"

#include "polyformer/ckks/bootstrapping/bootstrapping.h"
#include "polyformer/ckks/circuits/circuit_counts.h"
#include "polyformer/ckks/polynomials/polynomial_evaluation.h"

namespace polyformer::ckks {

OperationCounts bootstrap_counts(const Parameters& parameters, std::size_t ciphertexts) {
    const KeyRequest keys = Bootstrapper::key_request(parameters, parameters.slots());
    const BootstrappingLiteral& literal = *parameters.literal().bootstrapping;
    OperationCounts sum;
    for (const auto& [step, level] : keys.rotation_levels) {
        sum += OperationCounter(parameters, level).hoisted_rotation();
    }
    for (int factor = 0; factor < literal.slots_to_coefficients_levels; ++factor) {
        sum += OperationCounter(parameters, parameters.bootstrapping_input_level() - factor).decomposition();
    }
    for (int factor = 0; factor < literal.coefficients_to_slots_levels; ++factor) {
        sum += OperationCounter(parameters, parameters.max_level() - factor).decomposition();
    }
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

std::size_t bootstrap_key_switches(const Parameters& parameters, std::size_t slots, std::size_t ciphertexts) {
    return Bootstrapper::rotation_count(parameters, slots) + 3 + bootstrap_products(parameters, ciphertexts);
}

}  // namespace polyformer::ckks
