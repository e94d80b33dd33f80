// What circuits take in operations of the scheme (operation_counts.h).
#pragma once

#include <cstddef>
#include <vector>

#include "polyformer/ckks/circuits/map_shape.h"
#include "polyformer/ckks/circuits/rotated_inner_product.h"
#include "polyformer/ckks/evaluator/operation_counts.h"
#include "polyformer/ckks/rotations/baby_giant.h"

namespace polyformer::ckks {

/// Of a DiagonalTransform at `level` with so many rotations and diagonals: what it takes on top of what all take,
/// whatever their diagonals (one decomposition, one division, the rescaling). `role`: of its baby steps' keys; behind
/// ModRaise (sparse_to_dense) baby steps count the one by 0, too, and nothing is decomposed.
OperationCounts diagonal_transform_counts(const Parameters& parameters, int level, const BabyWork& babies,
                                          double giants, double diagonals, KeyRole role = KeyRole::rotation);

/// Of apply_periodic().
struct MapCounts {
    KeySwitches switches;       ///< at the map's level
    double parting = 0;         ///< whole key switches one level below
    std::size_t diagonals = 0;  ///< products with plaintexts, each of 2·l limbs

    std::size_t key_switches() const { return switches.total() + static_cast<std::size_t>(parting); }
};
MapCounts periodic_map_counts(const PairedMap& map);

/// Of apply_rotated_inner_product() for one pair of operands, relinearisations among them, as if one of its groups took
/// the right operand unrotated; where none does, it takes a decomposition and a hoisted rotation more. Its products are
/// 4·l limbs for each term.
KeySwitches rotated_product_switches(const RotatedInnerProduct& product);

/// Of a polynomial of this degree if its products (chebyshev_products()), each relinearised and rescaled, all lay at
/// `level`. Their levels are spread over its depth: half way down is about their mean.
OperationCounts chebyshev_counts(const Parameters& parameters, std::size_t degree, int level);

}  // namespace polyformer::ckks
