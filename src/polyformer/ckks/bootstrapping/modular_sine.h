// The polynomial behind EvalMod: reduction modulo 1 of numbers near integers, by a cosine and double angles.
#pragma once

#include <vector>

#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// Chebyshev coefficients of a polynomial p on [−1, 1] with p(y) ≈ cos(2π(K·y − 1/4 + k)/2^r) wherever K·y is near an
/// integer: after r double angles c → 2c² − 1 it is sin(2πK·y), for any integer k.
///
/// It is wanted near the integers −(K−1) … K−1 only, so it interpolates there and nowhere else, first the value at
/// each, then derivatives from the centre outwards while the degree allows (after Han and Ki, ePrint 2019/688, §5):
/// degree 31 does what a Chebyshev interpolation does with 35. k is taken so that the cosine crosses zero near y = 0.
/// There p is almost odd, and errors of T_2(y) = −1, which no later step can tell from changes of y², weigh least: of
/// the most frequent integers they spoil the few most. Throws Error when the degree is below 2K − 2.
std::vector<double> modular_sine_series(const BootstrappingLiteral& literal);

}  // namespace polyformer::ckks
