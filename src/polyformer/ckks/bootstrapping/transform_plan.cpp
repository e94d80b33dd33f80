#include "polyformer/ckks/bootstrapping/transform_plan.h"

#include "polyformer/ckks/bootstrapping/dft_plan.h"
#include "polyformer/ckks/circuits/circuit_counts.h"
#include "polyformer/ckks/ring/automorphism.h"

namespace polyformer::ckks {

namespace {

bool wraps(const DftGroup& group, std::size_t slots) {
    return (std::size_t{1} << group.end()) == slots;
}

long placed_offset(const DftGroup& group, std::size_t slots, long shift, long offset) {
    return wraps(group, slots) ? normalised_step(offset + shift, slots) : offset + shift;
}

std::vector<PlannedFactor> planned(const Parameters& parameters, std::size_t slots, const std::vector<DftGroup>& groups,
                                   DftDirection direction, int level, long shift, bool leaves_turn) {
    std::vector<PlannedFactor> factors;
    for (const DftFactor& factor : dft_pattern(slots, groups)) {
        const DftGroup& group = groups[factors.size()];
        std::vector<long> offsets;
        for (const auto& [offset, values] : factor.diagonals) {
            offsets.push_back(placed_offset(group, slots, shift, offset));
        }
        factors.push_back({.group = group,
                           .level = level--,
                           .role = factor_role(parameters, slots, direction, factors.size()),
                           .slots = slots,
                           .shift = shift,
                           .diagonals = offsets.size(),
                           .period = factor.period,
                           .steps = DiagonalSteps(offsets, factor.stride, factor.baby, slots,
                                                  {.inner = factor.inner, .horner = true}, leaves_turn)});
        shift = 0;
    }
    return factors;
}

}  // namespace

long PlannedFactor::placed(long offset) const {
    return placed_offset(group, slots, shift, offset);
}

OperationCounts PlannedFactor::counts(const Parameters& parameters) const {
    BabyWork babies = steps.baby_rotations();
    if (role == KeyRole::sparse_to_dense) babies.rotations = static_cast<double>(steps.baby_steps().size());
    return diagonal_transform_counts(parameters, level, babies, steps.giant_rotations(), static_cast<double>(diagonals),
                                     role);
}

double PlannedFactor::rotations() const {
    return steps.baby_rotations().rotations + steps.giant_rotations();
}

PlannedTransforms plan_transforms(const Parameters& parameters, std::size_t slots, double key_price) {
    const int top = parameters.max_level();
    const int bottom = parameters.bootstrapping_input_level();
    const BootstrappingLiteral& literal = *parameters.literal().bootstrapping;
    PlannedTransforms plan;
    plan.coefficients_to_slots = planned(parameters, slots,
                                         plan_dft(parameters, slots, literal.coefficients_to_slots_levels,
                                                  DftDirection::to_coefficients, top, key_price),
                                         DftDirection::to_coefficients, top, 0, true);
    long turn = 0;
    for (const PlannedFactor& factor : plan.coefficients_to_slots) turn += factor.steps.turn();
    turn = normalised_step(turn, slots);
    // The nearer of both ways round.
    if (2 * turn > static_cast<long>(slots)) turn -= static_cast<long>(slots);
    plan.slots_to_coefficients = planned(
        parameters, slots,
        plan_dft(parameters, slots, literal.slots_to_coefficients_levels, DftDirection::to_slots, bottom, key_price),
        DftDirection::to_slots, bottom, turn, false);
    return plan;
}

std::vector<DftGroup> PlannedTransforms::groups(DftDirection direction) const {
    std::vector<DftGroup> result;
    for (const PlannedFactor& factor :
         direction == DftDirection::to_slots ? slots_to_coefficients : coefficients_to_slots) {
        result.push_back(factor.group);
    }
    return result;
}

std::vector<PlannedFactor> PlannedTransforms::all() const {
    std::vector<PlannedFactor> factors = slots_to_coefficients;
    factors.insert(factors.end(), coefficients_to_slots.begin(), coefficients_to_slots.end());
    return factors;
}

OperationCounts PlannedTransforms::counts(const Parameters& parameters) const {
    OperationCounts sum;
    for (const PlannedFactor& factor : all()) {
        sum += factor.counts(parameters);
    }
    return sum;
}

std::size_t PlannedTransforms::rotations() const {
    double count = 0;
    for (const PlannedFactor& factor : all()) {
        count += factor.rotations();
    }
    return static_cast<std::size_t>(count);
}

}  // namespace polyformer::ckks
