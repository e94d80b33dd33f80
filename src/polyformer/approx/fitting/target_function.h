// The functions to approximate, each with what is needed to certify an approximation of it.
#pragma once

#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "polyformer/approx/numerics/chebyshev_polynomial.h"
#include "polyformer/approx/numerics/real.h"

namespace polyformer::approx {

/// The closed region inside a Bernstein ellipse: foci at the ends of `foci`, sum of the semi-axes rho · foci.radius().
/// A function analytic in it and bounded there by M is within 2·M·rho^−n / (rho − 1) of some polynomial of degree n on
/// the interval (Trefethen, Approximation Theory and Approximation Practice, theorem 8.2).
struct BernsteinEllipse {
    Interval foci;
    double rho = 1;

    double real_min() const { return foci.center() - foci.radius() * (rho + 1 / rho) / 2; }
    double real_max() const { return foci.center() + foci.radius() * (rho + 1 / rho) / 2; }
    double imaginary_max() const { return foci.radius() * (rho - 1 / rho) / 2; }
    /// An upper bound of |z|.
    double modulus_max() const;
};

/// An upper bound of a modulus over a Bernstein ellipse; infinity where there is none (a pole inside, for one).
using EllipseBound = std::function<double(const BernsteinEllipse&)>;

/// A real function. `name`, `value` and `value_double` are enough to approximate it; the rest lets errors be certified.
struct TargetFunction {
    std::string name;
    std::function<Real(const Real&)> value;
    std::function<double(double)> value_double;

    /// Points where the function is continuous but not smooth; `bound` need only hold for intervals that end there.
    std::vector<double> knots = {};
    /// |f| on an ellipse: makes absolute errors certifiable.
    EllipseBound bound = nullptr;
    /// |1/f| on an ellipse: makes relative errors certifiable.
    EllipseBound reciprocal_bound = nullptr;
    /// A Lipschitz constant of f, the coarser substitute where `bound` is missing.
    std::optional<double> lipschitz = std::nullopt;
    /// f is defined on (domain_lower, ∞) only.
    double domain_lower = -std::numeric_limits<double>::infinity();

    double operator()(double x) const { return value_double(x); }
    Real operator()(const Real& x) const { return value(x); }
};

/// One of "gelu" (x·Φ(x), Φ the normal distribution function), "gelu_tanh" (its approximation by tanh), "relu",
/// "squared_relu" (max(x, 0)²), "square", "sigmoid", "silu", "tanh", "exp", "exp_half" (e^(x/2)), "log" (x > 0),
/// "reciprocal" (1/x, x > 0) and "inverse_sqrt" (1/√x, x > 0). Throws Error listing these when there is none of that
/// name.
TargetFunction target_function(std::string_view name);

/// The names that target_function() knows.
std::vector<std::string> target_function_names();

/// Throws Error unless `interval` is proper and lies where `target` is defined.
void require_defined(const TargetFunction& target, Interval interval);

/// Throws Error when some samples show that `target` has a zero in `interval` (a sign change counts, even if none of
/// them hits it), where a relative error is not defined.
void require_no_zero(const TargetFunction& target, Interval interval);

}  // namespace polyformer::approx
