#include "polyformer/approx/fitting/approximation.h"

#include <algorithm>
#include <boost/math/constants/constants.hpp>
#include <cmath>
#include <span>
#include <vector>

#include "polyformer/approx/fitting/certificate.h"
#include "polyformer/approx/numerics/remez.h"
#include "polyformer/support/error.h"

namespace polyformer::approx {
namespace {

constexpr int symmetry_samples = 33;
// Relative to the target's magnitude: agreement that counts as symmetry, errors and coefficients that count as zero.
constexpr double symmetry_tolerance = 1e-45;
constexpr double noise = 1e-40;

using RealFunction = std::function<Real(const Real&)>;

/// The target seen from u ∈ [−1, 1].
struct Scaled {
    Real center;
    Real radius;
    RealFunction target;
    RealFunction weight;
    Real magnitude;           ///< max |f| over some samples
    Real weighted_magnitude;  ///< max w·|f| over them
};

/// f(x) = constant + slope·x + a function of this parity.
struct Symmetry {
    Parity parity = Parity::none;
    Real constant = 0;
    Real slope = 0;
};

Real sample_point(int i) {
    return cos(boost::math::constants::half_pi<Real>() * i / symmetry_samples);
}

void require_degree(std::size_t degree) {
    require(degree <= max_degree,
            "degree {} is too high (at most {}, depth {}): split the function, or refine a shorter polynomial by "
            "Newton steps",
            degree, max_degree, depth_of_degree(max_degree));
}

Scaled scale(const TargetFunction& target, Interval interval, RealFunction weight_of_x) {
    Scaled result;
    result.center = (Real(interval.lower) + Real(interval.upper)) / 2;
    result.radius = (Real(interval.upper) - Real(interval.lower)) / 2;
    const auto x_of = [center = result.center, radius = result.radius](const Real& u) {
        return Real(center + radius * u);
    };
    result.target = [&target, x_of](const Real& u) {
        const Real x = x_of(u);
        Real value = target(x);
        require(isfinite(value), "{}({:.17g}) is not finite: choose an interval on which it is", target.name,
                x.convert_to<double>());
        return value;
    };
    result.weight = [weight_of_x = std::move(weight_of_x), x_of](const Real& u) { return weight_of_x(x_of(u)); };
    result.magnitude = 0;
    result.weighted_magnitude = 0;
    for (int i = 0; i <= 2 * symmetry_samples; ++i) {
        const Real u = cos(boost::math::constants::half_pi<Real>() * i / symmetry_samples);
        const Real value = abs(result.target(u));
        result.magnitude = std::max(result.magnitude, value);
        result.weighted_magnitude = std::max(result.weighted_magnitude, Real(value * result.weight(u)));
    }
    return result;
}

/// Looks for f(x) − slope·x even, or f(x) − constant odd, under a weight that is even.
Symmetry find_symmetry(const Scaled& scaled, Interval interval, std::size_t degree) {
    if (!interval.symmetric()) return {};
    const Real allowed = symmetry_tolerance * scaled.magnitude;
    const Real slope = (scaled.target(1) - scaled.target(-1)) / (2 * scaled.radius);
    const Real constant = (scaled.target(1) + scaled.target(-1)) / 2;
    bool even = true;
    bool odd = true;
    for (int i = 0; i < symmetry_samples && (even || odd); ++i) {
        const Real u = sample_point(i);
        const Real right = scaled.target(u);
        const Real left = scaled.target(-u);
        even = even && abs((right - left) / 2 - slope * scaled.radius * u) <= allowed;
        odd = odd && abs((right + left) / 2 - constant) <= allowed;
        const Real weight = scaled.weight(u);
        if (abs(weight - scaled.weight(-u)) > weight * 1e-12) return {};
    }
    if (even && (degree > 0 || abs(slope) * scaled.radius <= allowed)) return {Parity::even, 0, slope};
    if (odd && degree > 0) return {Parity::odd, constant, 0};
    return {};
}

/// Rounds to double; coefficients at the level of noise, and zeros at the end, go.
ChebyshevPolynomial rounded(Interval interval, const std::vector<Real>& coefficients, const Real& magnitude) {
    ChebyshevPolynomial polynomial{interval.lower, interval.upper, {}};
    for (const Real& coefficient : coefficients) {
        polynomial.coefficients.push_back(abs(coefficient) <= noise * magnitude ? 0.0
                                                                                : coefficient.convert_to<double>());
    }
    while (polynomial.coefficients.size() > 1 && polynomial.coefficients.back() == 0)
        polynomial.coefficients.pop_back();
    return polynomial;
}

/// A minimax polynomial without its certificate.
struct Candidate {
    ChebyshevPolynomial polynomial;
    double levelled_error = 0;
};

Candidate minimax_candidate(const TargetFunction& target, Interval interval, std::size_t degree,
                            RealFunction weight_of_x, std::span<const double> weight_knots = {}) {
    const Scaled scaled = scale(target, interval, std::move(weight_of_x));
    const Symmetry symmetry = find_symmetry(scaled, interval, degree);
    RemezProblem problem;
    problem.name = target.name;
    problem.target = [&](const Real& u) {
        return Real(scaled.target(u) - symmetry.constant - symmetry.slope * scaled.radius * u);
    };
    problem.weight = scaled.weight;
    problem.parity = symmetry.parity;
    problem.degree = degree;
    if ((symmetry.parity == Parity::even && degree % 2 == 1) || (symmetry.parity == Parity::odd && degree % 2 == 0)) {
        --problem.degree;
    }
    for (const std::span<const double> knots : {std::span<const double>(target.knots), weight_knots}) {
        for (const double knot : knots) {
            if (interval.lower < knot && knot < interval.upper) {
                problem.knots.emplace_back((Real(knot) - scaled.center) / scaled.radius);
            }
        }
    }
    problem.noise = noise * scaled.weighted_magnitude;
    RemezSolution solution = remez(problem);
    std::vector<Real>& coefficients = solution.coefficients;
    if (symmetry.slope != 0) {
        if (coefficients.size() < 2) coefficients.resize(2);
        coefficients[1] += symmetry.slope * scaled.radius;
    }
    coefficients[0] += symmetry.constant;
    return {rounded(interval, coefficients, scaled.magnitude), solution.levelled_error.convert_to<double>()};
}

RealFunction weight_for(const TargetFunction& target, ErrorKind kind) {
    if (kind == ErrorKind::absolute) return [](const Real&) { return Real(1); };
    return [&target](const Real& x) {
        const Real value = abs(target(x));
        require(value != 0, "{} is zero at {:.17g}: a relative error is not defined there; ask for absolute error",
                target.name, x.convert_to<double>());
        return Real(1 / value);
    };
}

void require_valid(const TargetFunction& target, Interval interval, std::size_t degree, ErrorKind kind) {
    require_degree(degree);
    require_defined(target, interval);
    if (kind == ErrorKind::relative) require_no_zero(target, interval);
}

Approximation certified(const TargetFunction& target, ErrorKind kind, Candidate candidate) {
    const ErrorBounds bounds = certify(target, candidate.polynomial, kind);
    return {std::move(candidate.polynomial), kind, bounds.max_grid_error, bounds.certified_error,
            candidate.levelled_error};
}

}  // namespace

Approximation minimax(const TargetFunction& target, Interval interval, std::size_t degree, ErrorKind kind) {
    require_valid(target, interval, degree, kind);
    return certified(target, kind, minimax_candidate(target, interval, degree, weight_for(target, kind)));
}

Approximation minimax(const TargetFunction& target, Interval interval, std::size_t degree, const Weight& weight) {
    require_valid(target, interval, degree, ErrorKind::absolute);
    const RealFunction checked_weight = [&weight](const Real& x) {
        const double at = x.convert_to<double>();
        const double value = weight.at(at);
        require(std::isfinite(value) && value > 0,
                "the weight is {} at {:.17g}: it must be positive and finite (add a small floor)", value, at);
        return Real(value);
    };
    return certified(target, ErrorKind::absolute,
                     minimax_candidate(target, interval, degree, checked_weight, weight.knots));
}

Approximation chebyshev_interpolation(const TargetFunction& target, Interval interval, std::size_t degree,
                                      ErrorKind kind) {
    require_valid(target, interval, degree, kind);
    const Scaled scaled = scale(target, interval, [](const Real&) { return Real(1); });
    const std::size_t points = degree + 1;
    std::vector<Real> coefficients(points, Real(0));
    for (std::size_t j = 0; j < points; ++j) {
        const Real u = cos(boost::math::constants::pi<Real>() * Real(2 * j + 1) / Real(2 * points));
        const Real value = scaled.target(u) * 2 / Real(points);
        Real previous = u;
        Real current = 1;
        for (Real& coefficient : coefficients) {
            coefficient += value * current;
            Real next = 2 * u * current - previous;
            previous = current;
            current = next;
        }
    }
    coefficients[0] /= 2;
    ChebyshevPolynomial polynomial = rounded(interval, coefficients, scaled.magnitude);
    const ErrorBounds bounds = certify(target, polynomial, kind);
    return {std::move(polynomial), kind, bounds.max_grid_error, bounds.certified_error, std::nullopt};
}

}  // namespace polyformer::approx
