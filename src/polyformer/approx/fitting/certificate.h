// Upper bounds of |f − p| that hold everywhere, not only on a grid.
//
// On a piece of the interval, the error e = f − p (or 1 − p/f) is within η of a polynomial q of degree D, because e is
// analytic and bounded in a Bernstein ellipse around the piece. Between the m > D Chebyshev points a polynomial rises
// to at most 1 / cos(πD / 2m) times its largest value on them (Ehlich and Zeller 1964; it follows from Bernstein's
// bound of the derivative). So |e| ≤ (max over the points + η) / cos(πD / 2m) + η. Pieces are halved until D is a small
// multiple of p's degree, and m = 8·D makes the factor 1.02.
#pragma once

#include "polyformer/approx/fitting/approximation.h"
#include "polyformer/approx/fitting/target_function.h"
#include "polyformer/approx/numerics/chebyshev_polynomial.h"

namespace polyformer::approx {

/// The largest error that was seen, and one that is never exceeded; as in Approximation.
struct ErrorBounds {
    double max_grid_error = 0;
    double certified_error = 0;
};

/// Errors of any polynomial against `target` on the polynomial's interval. Where the target has a Lipschitz constant
/// only, absolute errors are bounded by the slope between grid points: true, but far less tight. certified_error is
/// infinite if there is nothing to certify with. Throws Error for an interval that does not suit the target.
ErrorBounds certify(const TargetFunction& target, const ChebyshevPolynomial& polynomial, ErrorKind kind);

}  // namespace polyformer::approx
