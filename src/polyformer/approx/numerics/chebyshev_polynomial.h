// Polynomials in the Chebyshev basis over an interval: what every approximation here returns.
#pragma once

#include <cstddef>
#include <vector>

#include "polyformer/approx/numerics/real.h"

namespace polyformer::approx {

/// The closed interval [lower, upper].
struct Interval {
    double lower = -1;
    double upper = 1;

    double center() const { return lower / 2 + upper / 2; }
    double radius() const { return upper / 2 - lower / 2; }
    bool symmetric() const { return lower == -upper; }
    friend bool operator==(const Interval&, const Interval&) = default;
};

/// Throws Error unless both ends are finite and lower < upper.
void require_proper(Interval interval);

/// Levels that a polynomial of this degree consumes under encryption: ⌈log2(degree + 1)⌉.
std::size_t depth_of_degree(std::size_t degree);

/// p(x) = Σ c_k T_k(u), u = (2x − lower − upper) / (upper − lower). No coefficients mean the zero polynomial.
struct ChebyshevPolynomial {
    double lower = -1;
    double upper = 1;
    std::vector<double> coefficients;

    Interval interval() const { return {lower, upper}; }
    /// Index of the last coefficient, zero or not (0 for the zero polynomial).
    std::size_t degree() const { return coefficients.empty() ? 0 : coefficients.size() - 1; }
    std::size_t depth() const { return depth_of_degree(degree()); }

    /// Value by Clenshaw's recurrence; grows like u^degree outside [lower, upper].
    double operator()(double x) const;
    Real operator()(const Real& x) const;

    /// dp/dx over the same interval.
    ChebyshevPolynomial derivative() const;

    friend bool operator==(const ChebyshevPolynomial&, const ChebyshevPolynomial&) = default;
};

}  // namespace polyformer::approx
