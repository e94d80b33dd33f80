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
#include "polyformer/ckks/bootstrapping/modulus_raising.h"
#include "polyformer/ckks/bootstrapping/transform_plan.h"
#include "polyformer/ckks/circuits/linear_transform.h"
#include "polyformer/ckks/polynomials/polynomial_evaluation.h"
#include "polyformer/support/error.h"

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
                                plan.steps.leaves_turn(), plan.role);
    }
    return transforms;
}

}  // namespace

struct Bootstrapper::Transforms {
    std::size_t slots;
    std::vector<DiagonalTransform> slots_to_coefficients;
    std::vector<DiagonalTransform> coefficients_to_slots;
    ChebyshevSeries cosine;

    /// Slots → coefficients at level 0 → whole chain → slots that hold (m/q_0 + I)/(2K), complex; the last
    /// CoeffsToSlots product is neither divided nor rescaled yet.
    ExtendedCiphertext raise(const Evaluator& evaluator, const Ciphertext& input) const;
    /// CoeffsToSlots of what is below q_0 under the sparse secret.
    ExtendedCiphertext to_slots(const Evaluator& evaluator, const Ciphertext& message) const;
    /// Twice the real part of what raise() gave, modulo q_0: the message at the working level.
    std::vector<Ciphertext> reduce(const Evaluator& evaluator, std::vector<Ciphertext> raised) const;

    /// Both parts of a complex message.
    std::vector<Ciphertext> refresh_both(const Evaluator& evaluator, const Ciphertext& input) const {
        const ExtendedCiphertext raised = raise(evaluator, input);
        ExtendedCiphertext sum = evaluator.conjugate_extended(raised);
        ExtendedCiphertext difference = sum;
        add_extended(evaluator.parameters(), sum, raised);
        subtract_extended(evaluator.parameters(), difference, raised);
        return reduce(evaluator, {evaluator.divide_by_special(sum, nullptr, 1),
                                  evaluator.multiply_by_i(evaluator.divide_by_special(difference, nullptr, 1))});
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
        request.merge(factor.steps.key_request(parameters, factor.level, factor.role));
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
        const auto rows = static_cast<std::size_t>(factor.level + 1 + special_count(parameters, factor.role));
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

ExtendedCiphertext Bootstrapper::Transforms::raise(const Evaluator& evaluator, const Ciphertext& input) const {
    const Parameters& parameters = evaluator.parameters();
    const EvaluationKeys& keys = evaluator.keys();
    require(keys.dense_to_sparse && keys.find({KeyRole::sparse_to_dense}) != nullptr,
            "the evaluation keys lack those of bootstrapping: generate them with Bootstrapper::key_request()");
    Ciphertext message = lowered(evaluator, input);
    for (const DiagonalTransform& factor : slots_to_coefficients) message = factor.apply(evaluator, std::move(message));
    return to_slots(evaluator,
                    evaluator.switch_key(message, usable_key(parameters, keys, {KeyRole::dense_to_sparse}, 0)));
}

ExtendedCiphertext Bootstrapper::Transforms::to_slots(const Evaluator& evaluator, const Ciphertext& message) const {
    const Parameters& parameters = evaluator.parameters();
    auto factor = coefficients_to_slots.begin();
    const auto last = coefficients_to_slots.end() - 1;
    Ciphertext raised;
    if (slots == parameters.slots()) {
        const RaisedCiphertext digit = raise_to_digit(parameters, message);
        if (factor == last) return last->apply_extended(evaluator, digit);
        raised = factor->apply(evaluator, digit);
        ++factor;
    } else {
        raised = evaluator.switch_key(
            raise_modulus(parameters, message),
            usable_key(parameters, evaluator.keys(), {KeyRole::sparse_to_dense}, parameters.max_level()));
        raised.slots = parameters.slots();  // I(X) does not repeat
        raised = evaluator.sum_slots(raised, parameters.slots() / slots, static_cast<long>(slots));
        raised.slots = slots;
    }
    for (; factor != last; ++factor) raised = factor->apply(evaluator, std::move(raised));
    return last->apply_extended(evaluator, std::move(raised));
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
            c = evaluator.add_constant(evaluator.relinearise_and_rescale(evaluator.multiply_doubled(c, c)), -1);
        }
        c.scale = parameters.scale(parameters.working_level());
    }
    return results;
}

Ciphertext Bootstrapper::bootstrap_real(const Evaluator& evaluator, const Ciphertext& input) const {
    const ExtendedCiphertext raised = transforms_->raise(evaluator, input);
    ExtendedCiphertext twice_real = evaluator.conjugate_extended(raised);
    add_extended(evaluator.parameters(), twice_real, raised);
    return transforms_->reduce(evaluator, {evaluator.divide_by_special(twice_real, nullptr, 1)}).front();
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
