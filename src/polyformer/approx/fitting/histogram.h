// Approximation where it matters: weighted by a measured distribution of the inputs.
#pragma once

#include <cstddef>
#include <vector>

#include "polyformer/approx/fitting/approximation.h"
#include "polyformer/approx/fitting/target_function.h"

namespace polyformer::approx {

/// counts[i] inputs were seen in [edges[i], edges[i+1]); edges ascend and are one more than the counts.
struct Histogram {
    std::vector<double> edges;
    std::vector<double> counts;
};

/// Throws Error unless the edges are finite and ascend, the counts are finite, not negative and not all zero.
void validate(const Histogram& histogram);

/// An approximation with its error under the distribution.
struct WeightedApproximation {
    Approximation approximation;
    double weighted_rms = 0;  ///< √E[error(X)²] of its kind, X distributed as the histogram within the interval
    double mass_outside = 0;  ///< share of the inputs outside the interval, which the fit ignores
};

/// Share of the weight that is spread evenly over the interval, so that the polynomial stays tame where no input fell.
inline constexpr double default_floor = 0.01;

/// The polynomial of at most `degree` with the smallest expected squared error (of this kind) for inputs distributed as
/// the histogram (uniform within a bin), mixed with a share `floor` of the uniform distribution on `interval`.
/// Throws Error as minimax() does, for an invalid histogram, one without inputs in the interval, a floor outside (0,
/// 1].
WeightedApproximation weighted_least_squares(const TargetFunction& target, Interval interval, std::size_t degree,
                                             const Histogram& histogram, double floor = default_floor,
                                             ErrorKind kind = ErrorKind::absolute);

/// E|f(X) − p(X)|, or E|1 − p(X)/f(X)|, for X distributed as the histogram within the polynomial's interval; by
/// quadrature in double, so to three digits or so. Throws Error as weighted_least_squares().
double mean_error(const TargetFunction& target, const ChebyshevPolynomial& polynomial, ErrorKind kind,
                  const Histogram& histogram);

/// The weight √density for the weighted minimax(): the density of the same mixture, relative to the uniform one and
/// interpolated between the bins' centres. Its knots are enough of these to follow it: inputs may crowd in a part of
/// the interval that an even grid steps over. Throws Error as weighted_least_squares().
Weight density_weight(const Histogram& histogram, Interval interval, double floor = default_floor);

}  // namespace polyformer::approx
