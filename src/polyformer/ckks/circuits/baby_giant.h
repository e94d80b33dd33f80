// Baby-step giant-step: an offset is stride·(baby step + baby·giant step), so that few distinct rotations reach many.
#pragma once

#include "polyformer/support/error.h"

namespace polyformer::ckks {

/// Quotient rounded down, remainder in [0, divisor): what a cyclic rotation by a negative step wants.
struct FloorDivision {
    long quotient = 0;
    long remainder = 0;
};

constexpr FloorDivision floor_divide(long value, long divisor) {
    const long quotient = value / divisor - (value % divisor < 0 ? 1 : 0);
    return {quotient, value - quotient * divisor};
}

/// An offset, split.
struct BabyGiant {
    long baby_step = 0;   ///< in [0, baby)
    long giant_step = 0;  ///< any sign
};

/// Throws Error unless `offset` is a multiple of `stride`.
inline BabyGiant split_offset(long offset, long stride, long baby) {
    require(stride > 0 && baby > 0, "stride {} and baby-step number {} must be positive", stride, baby);
    require(offset % stride == 0, "diagonal {} is no multiple of the stride {}: give all offsets a common stride",
            offset, stride);
    const FloorDivision division = floor_divide(offset / stride, baby);
    return {division.remainder, division.quotient};
}

}  // namespace polyformer::ckks
