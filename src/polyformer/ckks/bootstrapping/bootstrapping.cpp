#include "polyformer/ckks/bootstrapping/bootstrapping.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <span>
#include <utility>
#include <vector>

#include "polyformer/ckks/bootstrapping/dft_factors.h"
#include "polyformer/ckks/bootstrapping/modular_sine.h"
#include "polyformer/ckks/bootstrapping/transform_plan.h"
#include "polyformer/ckks/circuits/linear_transform.h"
#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/ckks/polynomials/polynomial_evaluation.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::ckks {

namespace {

/// The message's scale when the modulus is raised. A sine falls short of its argument: of u·x, |x| ≤ 1, by u³x³/6, most
/// of which is proportional to x. Enlarging the message by 1 + u²/8 leaves a third Chebyshev polynomial of height
/// u³/24.
double raised_scale(const Parameters& parameters) {
    const double q0 = static_cast<double>(parameters.q(0).modulus().value());
    const double ratio = std::exp2(parameters.literal().bootstrapping->log2_message_ratio);
    const double u = 2 * std::numbers::pi / ratio;
    return q0 / ratio * (1 + u * u / 8);
}

void check_slots(const Parameters& parameters, std::size_t slots) {
    require(
        parameters.can_bootstrap(),
        "parameters without bootstrapping levels cannot bootstrap: create them with ParametersLiteral::bootstrapping");
    require(std::has_single_bit(slots) && slots <= parameters.slots(),
            "bootstrapping of {} slots: their number must be a power of two up to {}", slots, parameters.slots());
}

/// Transforms of these factors, whose plaintexts share the factor that turns `from` into `to`.
std::vector<DiagonalTransform> encode_factors(const Encoder& encoder, const Parameters& parameters,
                                              std::span<const PlannedFactor> planned, std::vector<DftFactor> factors,
                                              double from, double to) {
    double log2_total = std::log2(to / from);
    for (const PlannedFactor& factor : planned) {
        log2_total += std::log2(static_cast<double>(parameters.q(factor.level).modulus().value()));
    }
    const double plaintext_scale = std::exp2(log2_total / static_cast<double>(planned.size()));
    std::vector<DiagonalTransform> transforms;
    for (std::size_t k = 0; k < planned.size(); ++k) {
        const PlannedFactor& plan = planned[k];
        std::map<long, std::vector<std::complex<double>>> diagonals;
        for (auto& [offset, values] : factors[k].diagonals) diagonals[plan.placed(offset)] = std::move(values);
        transforms.emplace_back(encoder, parameters, diagonals, plan.steps.stride(),
                                static_cast<int>(plan.steps.baby()), plan.level, plaintext_scale, plan.steps.saving(),
                                plan.steps.leaves_turn());
    }
    return transforms;
}

/// Residues modulo q_0 to those of the same centred numbers modulo the whole chain.
Ciphertext raise_modulus(const Parameters& parameters, const Ciphertext& a) {
    const std::size_t n = parameters.ring_dimension();
    const auto rows = static_cast<std::size_t>(parameters.max_level()) + 1;
    Ciphertext result = a;
    result.level = parameters.max_level();
    const NttTables& base = parameters.q(0);
    for (RnsPolynomial& component : result.components) {
        RnsPolynomial raised = RnsPolynomial::uninitialised(n, rows);
        std::ranges::copy(component.limb(0), raised.limb(0).begin());
        kernels().inverse_ntt(component.limb(0).data(), base);
        parallel_for(rows - 1, [&](std::size_t index) {
            const NttTables& tables = parameters.q(static_cast<int>(index) + 1);
            std::uint64_t* out = raised.limb(index + 1).data();
            kernels().reduce_centered(out, component.limb(0).data(), base.modulus(), tables.modulus(), n);
            kernels().forward_ntt(out, tables);
        });
        component = std::move(raised);
    }
    return result;
}

}  // namespace

struct Bootstrapper::Transforms {
    std::size_t slots;
    std::vector<DiagonalTransform> slots_to_coefficients;
    std::vector<DiagonalTransform> coefficients_to_slots;
    ChebyshevSeries cosine;

    /// Slots → coefficients at level 0 → whole chain → slots that hold (m/q_0 + I)/(2K), complex; the last
    /// CoeffsToSlots product is not yet rescaled.
    Ciphertext raise(const Evaluator& evaluator, const Ciphertext& input) const;
    /// Twice the real part of what raise() gave, modulo q_0: the message at the working level.
    std::vector<Ciphertext> reduce(const Evaluator& evaluator, std::vector<Ciphertext> raised) const;

    Ciphertext real_part(const Evaluator& evaluator, const Ciphertext& raised, const Ciphertext& conjugate) const {
        return evaluator.rescale(evaluator.add(raised, conjugate));
    }
    Ciphertext imaginary_part(const Evaluator& evaluator, const Ciphertext& raised, const Ciphertext& conjugate) const {
        return evaluator.rescale(evaluator.multiply_by_i(evaluator.subtract(conjugate, raised)));
    }
    /// Both parts of a complex message.
    std::vector<Ciphertext> refresh_both(const Evaluator& evaluator, const Ciphertext& input) const {
        const Ciphertext raised = raise(evaluator, input);
        const Ciphertext conjugate = evaluator.conjugate(raised);
        return reduce(evaluator,
                      {real_part(evaluator, raised, conjugate), imaginary_part(evaluator, raised, conjugate)});
    }
    /// At bootstrapping's input level.
    Ciphertext lowered(const Evaluator& evaluator, const Ciphertext& input) const;
};

Bootstrapper::Bootstrapper(const Parameters& parameters, std::size_t slots, double key_price) {
    check_slots(parameters, slots);
    const BootstrappingLiteral& literal = *parameters.literal().bootstrapping;
    const Encoder encoder(parameters);
    const int input_level = parameters.bootstrapping_input_level();
    const PlannedTransforms planned = plan_transforms(parameters, slots, key_price);
    const double q0 = static_cast<double>(parameters.q(0).modulus().value());
    // Summing the repetitions of a sparsely packed message multiplies it by their number.
    const double repetitions = static_cast<double>(parameters.slots()) / static_cast<double>(slots);

    auto transforms = std::make_shared<Transforms>();
    transforms->slots = slots;
    transforms->slots_to_coefficients =
        encode_factors(encoder, parameters, planned.slots_to_coefficients,
                       dft_factors(slots, planned.groups(DftDirection::to_slots), DftDirection::to_slots),
                       parameters.scale(input_level), raised_scale(parameters));
    // Seen as y = (m/q_0 + I)/K, what comes out of ModRaise has scale K·q_0. EvalMod takes the sum of a slot and its
    // conjugate, twice the real part: so half the scale.
    transforms->coefficients_to_slots =
        encode_factors(encoder, parameters, planned.coefficients_to_slots,
                       dft_factors(slots, planned.groups(DftDirection::to_coefficients), DftDirection::to_coefficients),
                       literal.interval * q0 * repetitions, parameters.scale(parameters.eval_mod_level()) / 2);
    transforms->cosine.coefficients = modular_sine_series(literal);
    transforms_ = std::move(transforms);
}

KeyRequest Bootstrapper::key_request(const Parameters& parameters, std::size_t slots, double key_price) {
    check_slots(parameters, slots);
    KeyRequest request;
    request.add_relinearisation(parameters, parameters.eval_mod_level());
    request.add_conjugation(parameters, parameters.eval_mod_level() + 1);
    request.bootstrapping = true;
    for (const PlannedFactor& factor : plan_transforms(parameters, slots, key_price).all()) {
        request.merge(factor.steps.key_request(parameters, factor.level));
    }
    for (std::size_t distance = slots; distance < parameters.slots(); distance *= 2) {
        request.add_rotation(parameters, static_cast<long>(distance), parameters.max_level());
    }
    return request;
}

std::size_t Bootstrapper::plaintext_bytes(const Parameters& parameters, std::size_t slots, double key_price) {
    check_slots(parameters, slots);
    std::size_t bytes = 0;
    for (const PlannedFactor& factor : plan_transforms(parameters, slots, key_price).all()) {
        const auto rows = static_cast<std::size_t>(factor.level + 1 + parameters.special_count());
        bytes += factor.diagonals * rows * 2 * factor.period * sizeof(std::uint64_t);
    }
    return bytes;
}

Ciphertext Bootstrapper::Transforms::lowered(const Evaluator& evaluator, const Ciphertext& input) const {
    const Parameters& parameters = evaluator.parameters();
    const int level = parameters.bootstrapping_input_level();
    require(input.level >= level,
            "level {} is too low to bootstrap (SlotsToCoeffs takes {}): bootstrap before level {} is passed",
            input.level, level, level);
    require(input.slots == slots, "a ciphertext of {} slots was given to a bootstrapper for {}: make one for {}",
            input.slots, slots, input.slots);
    return evaluator.adjust(input, level);
}

Ciphertext Bootstrapper::Transforms::raise(const Evaluator& evaluator, const Ciphertext& input) const {
    const Parameters& parameters = evaluator.parameters();
    const EvaluationKeys& keys = evaluator.keys();
    require(keys.dense_to_sparse && keys.sparse_to_dense,
            "the evaluation keys lack those of bootstrapping: generate them with Bootstrapper::key_request()");
    const SwitchingKey& dense_to_sparse = usable_key(parameters, keys, {KeyRole::dense_to_sparse}, 0);
    const SwitchingKey& sparse_to_dense =
        usable_key(parameters, keys, {KeyRole::sparse_to_dense}, parameters.max_level());
    Ciphertext message = lowered(evaluator, input);
    for (const DiagonalTransform& factor : slots_to_coefficients) message = factor.apply(evaluator, message);

    Ciphertext raised = evaluator.switch_key(raise_modulus(parameters, evaluator.switch_key(message, dense_to_sparse)),
                                             sparse_to_dense);
    raised.slots = parameters.slots();  // I(X) does not repeat
    raised = evaluator.sum_slots(raised, parameters.slots() / slots, static_cast<long>(slots));
    raised.slots = slots;

    const auto last = coefficients_to_slots.end() - 1;
    for (auto factor = coefficients_to_slots.begin(); factor != last; ++factor) {
        raised = factor->apply(evaluator, raised);
    }
    return last->apply_unrescaled(evaluator, raised);
}

std::vector<Ciphertext> Bootstrapper::Transforms::reduce(const Evaluator& evaluator,
                                                         std::vector<Ciphertext> raised) const {
    const Parameters& parameters = evaluator.parameters();
    const int double_angles = parameters.literal().bootstrapping->double_angles;
    for (Ciphertext& y : raised) y.scale = parameters.scale(parameters.eval_mod_level());
    const double cosine_scale = double_angles == 0 ? parameters.eval_mod_output_scale() : 0;
    std::vector<Ciphertext> results = evaluate_chebyshev(evaluator, cosine, raised, cosine_scale);
    for (Ciphertext& c : results) {
        for (int k = 0; k < double_angles; ++k) {
            // 2c² − 1, doubled before rescaling, so that the rounding error is not.
            const Ciphertext square = evaluator.multiply_lazily(c, c);
            c = evaluator.add_constant(evaluator.relinearise_and_rescale(evaluator.add(square, square)), -1);
        }
        c.scale = parameters.scale(parameters.working_level());
    }
    return results;
}

Ciphertext Bootstrapper::bootstrap_real(const Evaluator& evaluator, const Ciphertext& input) const {
    const Ciphertext raised = transforms_->raise(evaluator, input);
    const Ciphertext real = transforms_->real_part(evaluator, raised, evaluator.conjugate(raised));
    return transforms_->reduce(evaluator, {real}).front();
}

std::pair<Ciphertext, Ciphertext> Bootstrapper::bootstrap_pair(const Evaluator& evaluator, const Ciphertext& first,
                                                               const Ciphertext& second) const {
    const Ciphertext both = evaluator.add(transforms_->lowered(evaluator, first),
                                          evaluator.multiply_by_i(transforms_->lowered(evaluator, second)));
    std::vector<Ciphertext> parts = transforms_->refresh_both(evaluator, both);
    return {std::move(parts[0]), std::move(parts[1])};
}

std::size_t Bootstrapper::bytes() const {
    std::size_t total = 0;
    for (const auto* transforms : {&transforms_->slots_to_coefficients, &transforms_->coefficients_to_slots}) {
        for (const DiagonalTransform& transform : *transforms) total += transform.bytes();
    }
    return total;
}

}  // namespace polyformer::ckks
