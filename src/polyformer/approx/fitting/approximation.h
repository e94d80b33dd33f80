// Minimax and interpolating polynomials of a function on an interval.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "polyformer/approx/fitting/target_function.h"
#include "polyformer/approx/numerics/chebyshev_polynomial.h"

namespace polyformer::approx {

/// What is made small: |f − p|, or |f − p| / |f|.
enum class ErrorKind { absolute, relative };

/// A polynomial and how far it is from its target.
struct Approximation {
    ChebyshevPolynomial polynomial;
    /// The measure of the two errors below.
    ErrorKind kind = ErrorKind::absolute;
    /// The largest error on a grid some ten times denser than the error's oscillations.
    double max_grid_error = 0;
    /// An upper bound of the error everywhere on the interval, for `polynomial` as returned, its coefficients rounded
    /// to double (but evaluated exactly: double arithmetic adds some 1e-15 · Σ|c_k|). Usually 1 to 2 % above
    /// max_grid_error. Infinite for a target that has no bound to certify with.
    double certified_error = 0;
    /// Minimax only: the levelled (weighted) error on the last reference. No polynomial of the degree asked for does
    /// better (de la Vallée Poussin), up to Remez' tolerance of 1e-9.
    std::optional<double> levelled_error;
};

/// The highest degree: depth 8.
inline constexpr std::size_t max_degree = 255;

/// A positive, continuous weight.
struct Weight {
    std::function<double(double)> at;
    std::vector<double> knots = {};  ///< where it bends or varies fast: looked at besides an even grid
};

/// The polynomial of at most `degree` whose largest error is smallest (Remez exchange, several points at a time).
///
/// On a symmetric interval, a target that is even up to a multiple of x (gelu, silu, relu) or odd up to a constant
/// (sigmoid, tanh) is recognised; then the coefficients that symmetry makes vanish are exactly zero, and the degree
/// returned is lowered past trailing ones.
///
/// Throws Error for an interval that is empty, not finite or outside the domain, a degree above max_degree, a relative
/// error where the target has a zero, values that are not finite.
Approximation minimax(const TargetFunction& target, Interval interval, std::size_t degree,
                      ErrorKind kind = ErrorKind::absolute);

/// Makes max weight(x)·|f(x) − p(x)| smallest. levelled_error is weighted, the two other errors are absolute.
/// Throws as above, and where the weight is not positive and finite.
Approximation minimax(const TargetFunction& target, Interval interval, std::size_t degree, const Weight& weight);

/// The polynomial through f at the degree + 1 Chebyshev points of the first kind. Errors as for minimax().
Approximation chebyshev_interpolation(const TargetFunction& target, Interval interval, std::size_t degree,
                                      ErrorKind kind = ErrorKind::absolute);

}  // namespace polyformer::approx
