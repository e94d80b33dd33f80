// Baby-step giant-step: an offset is stride·(baby step + baby·giant step), so that few distinct rotations reach many.
#pragma once

#include <span>
#include <vector>

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

/// How steps share keys, for more work or more noise.
struct KeySaving {
    /// Baby step a is taken as a mod inner and then the rest: inner + baby/inner keys in place of baby.
    long inner = 1;
    /// Giant steps by Horner's rule: what is summed so far is rotated by one step again and again.
    bool horner = false;

    friend bool operator==(const KeySaving&, const KeySaving&) = default;
};

/// Baby steps that are sums of one of `residues`, below KeySaving::inner, which is taken first, and one of `rests`.
struct BabyStage {
    std::vector<long> residues;
    std::vector<long> rests;
};

/// All of some ascending baby steps. Throws Error unless `inner` is positive.
std::vector<BabyStage> baby_stages(std::span<const long> baby_steps, long inner);

/// What the rotations of one ciphertext by baby steps take.
struct BabyWork {
    double rotations = 0;      ///< products with a key
    double intermediates = 0;  ///< results that are decomposed again
};
BabyWork baby_work(std::span<const long> baby_steps, long inner);

/// Giant steps by Horner's rule: from both ends to `base`, `unit` at a time.
struct GiantChain {
    /// Of giant steps in ascending order, at least one, to the base nearest to 0.
    explicit GiantChain(std::span<const long> giant_steps);
    GiantChain(std::span<const long> giant_steps, long the_base);

    long base = 0;
    long unit = 1;  ///< divides every distance from the base
    /// How often what lies at the ends is rotated until it has reached the base.
    long above = 0;
    long below = 0;

    long rotations(long step) const { return (step > base ? step - base : base - step) / unit; }
};

/// The steps of the keys that all this takes, in units of the stride; 0 may be among them.
std::vector<long> baby_keys(std::span<const long> baby_steps, long inner);
/// In units of stride·baby; without the base's.
std::vector<long> giant_keys(const GiantChain& chain);

}  // namespace polyformer::ckks
