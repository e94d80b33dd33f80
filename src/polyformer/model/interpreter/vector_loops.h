// The interpreter's inner loops, each compiled for several instruction sets: the best one is picked at run time, and
// results differ by rounding at most.
#pragma once

#include <array>
#include <cstddef>

#include "polyformer/model/graph/graph.h"

namespace polyformer::model {

inline constexpr std::size_t kRowBlock = 4;

/// How many columns a panel has.
template <class Real>
inline constexpr std::size_t kColumnBlock = 256 / sizeof(Real);

/// sums[t, j] = Σ_i rows[t][i]·panel[i, j], all sums kept in registers.
void multiply_block(const std::array<const double*, kRowBlock>& rows, const double* panel, std::size_t terms,
                    double* out);
void multiply_block(const std::array<const float*, kRowBlock>& rows, const float* panel, std::size_t terms, float* out);

inline constexpr std::size_t kPolynomialBlock = 32;

/// evaluate_polynomial() on several values side by side.
void evaluate_block(const Polynomial& polynomial, double* x);

/// out[j] += Σ_i weights[i]·rows[i·stride + j]
void add_combined_rows(const double* weights, std::size_t terms, const double* rows, std::size_t stride,
                       std::size_t columns, double* out);

/// The largest |value|; NaN when a value is.
double largest_magnitude_of(const double* values, std::size_t count);

}  // namespace polyformer::model
