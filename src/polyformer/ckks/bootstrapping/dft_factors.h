// The canonical embedding's Fourier transform as a product of few sparse matrices, by diagonals: what SlotsToCoeffs and
// CoeffsToSlots multiply by (ePrint 2018/1073, 2020/1203 §6).
#pragma once

#include <complex>
#include <cstddef>
#include <map>
#include <span>
#include <vector>

namespace polyformer::ckks {

/// Consecutive butterfly stages, first … first + stages − 1, that make one factor; stage s joins slots at distance 2^s.
struct DftGroup {
    int first = 0;
    int stages = 0;
    int baby = 1;   ///< baby-step number of the factor
    int inner = 1;  ///< KeySaving::inner, a divisor of it

    int end() const { return first + stages; }
};

/// y[i] = Σ_d diagonals[d][i] · x[i + d], indices cyclic over all slots.
struct DftFactor {
    std::map<long, std::vector<std::complex<double>>> diagonals;
    long stride = 1;  ///< divides every offset
    int baby = 1;
    int inner = 1;
    std::size_t period = 1;  ///< with which every diagonal repeats
};

enum class DftDirection {
    to_slots,  ///< SlotsToCoeffs: y is the embedding of the polynomial whose folded coefficients are x bit-reversed
    to_coefficients  ///< CoeffsToSlots: its inverse
};

/// One factor for each group. Groups are in the order in which factors are applied: adjacent stages from the first one
/// up to slots, down to coefficients, log2(slots) in all (see dft_plan.h).
std::vector<DftFactor> dft_factors(std::size_t slots, std::span<const DftGroup> groups, DftDirection direction);

/// Offsets, stride and baby of those factors alone: diagonals without values.
std::vector<DftFactor> dft_pattern(std::size_t slots, std::span<const DftGroup> groups);

}  // namespace polyformer::ckks
