// The canonical embedding's Fourier transform as a product of few sparse matrices, by diagonals: what SlotsToCoeffs and
// CoeffsToSlots multiply by (ePrint 2018/1073, 2020/1203 §6).
#pragma once

#include <complex>
#include <cstddef>
#include <map>
#include <vector>

namespace polyformer::ckks {

/// y[i] = Σ_d diagonals[d][i] · x[i + d], indices cyclic over all slots.
struct DftFactor {
    std::map<long, std::vector<std::complex<double>>> diagonals;
    long stride = 1;  ///< divides every offset
    int baby = 1;     ///< about as many baby steps as giant steps
};

enum class DftDirection {
    to_slots,  ///< SlotsToCoeffs: y is the embedding of the polynomial whose folded coefficients are x bit-reversed
    to_coefficients  ///< CoeffsToSlots: its inverse
};

/// Factors in the order in which they are applied, log2(slots) butterfly stages spread evenly over `levels` of them.
/// The factors of both directions have the same offsets and steps, and so share rotation keys.
std::vector<DftFactor> dft_factors(std::size_t slots, int levels, DftDirection direction);

/// Offsets, stride and baby of those factors alone: diagonals without values.
std::vector<DftFactor> dft_pattern(std::size_t slots, int levels, DftDirection direction);

}  // namespace polyformer::ckks
