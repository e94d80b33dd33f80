// Both transforms of a bootstrap before they have values: which rotations, and with which keys.
#pragma once

#include <cstddef>
#include <vector>

#include "polyformer/ckks/bootstrapping/dft_factors.h"
#include "polyformer/ckks/evaluator/operation_counts.h"
#include "polyformer/ckks/rotations/diagonal_steps.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// One factor at its level.
struct PlannedFactor {
    DftGroup group;
    int level = 0;
    KeyRole role = KeyRole::rotation;  ///< of its baby steps' keys
    std::size_t slots = 0;
    long shift = 0;  ///< added to all offsets of the factor: it is applied to its input rotated by so much
    std::size_t diagonals = 0;
    std::size_t period = 1;
    DiagonalSteps steps;

    /// Where a diagonal of the factor lies.
    long placed(long offset) const;
    /// diagonal_transform_counts()
    OperationCounts counts(const Parameters& parameters) const;
    /// Products with a key.
    double rotations() const;
};

/// CoeffsToSlots leaves all its slots rotated (DiagonalSteps), for one key less a factor at the highest levels:
/// later factors repeat with the distance by which earlier ones rotate, and EvalMod does not mind. SlotsToCoeffs makes
/// up for it beforehand, at the lowest levels.
struct PlannedTransforms {
    std::vector<PlannedFactor> slots_to_coefficients;
    std::vector<PlannedFactor> coefficients_to_slots;

    std::vector<DftGroup> groups(DftDirection direction) const;
    /// In the order in which they are applied.
    std::vector<PlannedFactor> all() const;
    /// Of all their rotations and products with plaintexts (diagonal_transform_counts()).
    OperationCounts counts(const Parameters& parameters) const;
    /// Products with a key.
    std::size_t rotations() const;
};

/// `key_price`: as plan_dft() takes it. Throws Error when the parameters cannot bootstrap, and as that does.
PlannedTransforms plan_transforms(const Parameters& parameters, std::size_t slots, double key_price);

}  // namespace polyformer::ckks
