// What circuits take in operations of the scheme (operation_counts.h).
#pragma once

#include <cstddef>
#include <vector>

#include "polyformer/ckks/circuits/periodic_transform.h"
#include "polyformer/ckks/circuits/rotated_inner_product.h"
#include "polyformer/ckks/evaluator/operation_counts.h"

namespace polyformer::ckks {

/// Of a DiagonalTransform at `level`, so many diagonals in so many baby and giant steps, 0 among either: what it takes
/// on top of what all take, whatever their diagonals (one decomposition, one division, the rescaling).
OperationCounts diagonal_transform_counts(const Parameters& parameters, int level, double babies, double giants,
                                          double diagonals);

/// All that counts depend on in a map: which diagonals it has, not what they hold.
struct MapShape {
    explicit MapShape(const PeriodicDiagonals& map);
    std::size_t period = 0;
    std::size_t inputs = 0;
    long stride = 1;
    std::size_t diagonals = 0;
    std::vector<long> offsets;                      ///< of all blocks, ascending
    std::vector<std::vector<long>> output_offsets;  ///< of each output's blocks
};

/// Of apply_periodic() with so many baby steps. Its products are 2·l limbs for each diagonal.
KeySwitches periodic_map_switches(const MapShape& shape, long baby);

/// Of apply_rotated_inner_product() for one pair of operands, relinearisations among them, as if one of its groups took
/// the right operand unrotated; where none does, it takes a decomposition and a hoisted rotation more. Its products are
/// 4·l limbs for each term.
KeySwitches rotated_product_switches(const RotatedInnerProduct& product);

/// Of a polynomial of this degree if its products (chebyshev_products()), each relinearised and rescaled, all lay at
/// `level`. Their levels are spread over its depth: half way down is about their mean.
OperationCounts chebyshev_counts(const Parameters& parameters, std::size_t degree, int level);

}  // namespace polyformer::ckks
