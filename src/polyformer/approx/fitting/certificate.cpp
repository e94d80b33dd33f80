#include "polyformer/approx/fitting/certificate.h"

#include <algorithm>
#include <boost/math/constants/constants.hpp>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "polyformer/support/error.h"

namespace polyformer::approx {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::size_t points_per_degree = 8;
constexpr std::size_t max_pieces = 256;
constexpr int ellipses = 116;
constexpr std::size_t lipschitz_cells = 4096;
// Share of the error that the analytic remainder may add, and the smallest remainder worth asking for.
constexpr double remainder_share = 1e-3;
constexpr double remainder_floor = 1e-24;
// Covers the rounding of the bounds below, which are computed in double, and of the result.
constexpr double rounding_margin = 1 + 1e-12;

/// A part of the interval on which the error is within `remainder` of a polynomial of degree `degree`.
struct Piece {
    Interval interval;
    std::size_t degree = 1;
    double remainder = infinity;
};

class Certifier {
  public:
    Certifier(const TargetFunction& target, const ChebyshevPolynomial& polynomial, ErrorKind kind)
        : target_(target), polynomial_(polynomial), kind_(kind) {}

    ErrorBounds run() {
        const double preliminary = largest_error(polynomial_.interval(), 4 * (polynomial_.degree() + 4));
        const double unit = kind_ == ErrorKind::relative ? 1 : magnitude_;
        allowed_remainder_ = std::max(preliminary * remainder_share, remainder_floor * unit);
        if (!bound_function()) return without_ellipse(preliminary);

        ErrorBounds bounds{preliminary, preliminary};
        std::vector<double> ends{polynomial_.lower};
        for (const double knot : target_.knots) {
            if (polynomial_.lower < knot && knot < polynomial_.upper) ends.push_back(knot);
        }
        ends.push_back(polynomial_.upper);
        std::ranges::sort(ends);
        std::vector<Interval> waiting;
        for (std::size_t i = 0; i + 1 < ends.size(); ++i) waiting.push_back({ends[i], ends[i + 1]});

        for (std::size_t pieces = waiting.size(); !waiting.empty();) {
            const Piece piece = assess(waiting.back());
            waiting.pop_back();
            if (piece.degree > 2 * polynomial_.degree() + 32 && pieces < max_pieces) {
                waiting.push_back({piece.interval.lower, piece.interval.center()});
                waiting.push_back({piece.interval.center(), piece.interval.upper});
                ++pieces;
                continue;
            }
            const bool bounded = piece.degree <= max_piece_degree;
            const std::size_t degree = bounded ? piece.degree : std::max<std::size_t>(polynomial_.degree(), 1);
            const std::size_t points = points_per_degree * degree;
            const double largest = largest_error(piece.interval, points);
            const double rise =
                1 / std::cos(std::numbers::pi * static_cast<double>(degree) / (2 * static_cast<double>(points)));
            const double remainder = bounded ? piece.remainder : infinity;
            bounds.max_grid_error = std::max(bounds.max_grid_error, largest);
            bounds.certified_error =
                std::max(bounds.certified_error, ((largest + remainder) * rise + remainder) * rounding_margin);
        }
        return bounds;
    }

  private:
    static constexpr std::size_t max_piece_degree = 4096;

    const EllipseBound& bound_function() const {
        return kind_ == ErrorKind::absolute ? target_.bound : target_.reciprocal_bound;
    }

    Real error_at(const Real& x) {
        const Real value = target_(x);
        require(isfinite(value), "{}({:.17g}) is not finite: choose an interval on which it is", target_.name,
                x.convert_to<double>());
        Real difference = abs(value - polynomial_(x));
        if (kind_ == ErrorKind::absolute) {
            magnitude_ = std::max(magnitude_, std::abs(value.convert_to<double>()));
            return difference;
        }
        require(value != 0, "{} is zero at {:.17g}: a relative error is not defined there; ask for absolute error",
                target_.name, x.convert_to<double>());
        return difference / abs(value);
    }

    /// Over the ends and `points` Chebyshev points of the first kind.
    double largest_error(Interval interval, std::size_t points) {
        const Real lower(interval.lower);
        const Real upper(interval.upper);
        Real largest = std::max(error_at(lower), error_at(upper));
        const Real center = (lower + upper) / 2;
        const Real radius = (upper - lower) / 2;
        // cos((2j+1)·π/2m) by rotation: two products each instead of a cosine.
        const Real half_step = boost::math::constants::pi<Real>() / Real(2 * points);
        const Real twice_cosine = 2 * cos(2 * half_step);
        Real u = cos(half_step);
        Real previous = u;  // the cosine is even: the point before the first is the first
        for (std::size_t j = 0; j < points; ++j) {
            largest = std::max(largest, error_at(center + radius * u));
            Real next = twice_cosine * u - previous;
            previous = u;
            u = next;
        }
        return largest.convert_to<double>() * rounding_margin;
    }

    /// log of a bound of |p| over an ellipse. With u1, u2 the images of its foci in [−1, 1], its points have
    /// |u−1| + |u+1| ≤ r(ρ+1/ρ) + (1−u2) + (1+u1), r = (u2−u1)/2: they lie in the ellipse about [−1, 1] of that sum,
    /// where |T_k| ≤ (ρ'^k + ρ'^−k)/2 ≤ ρ'^k.
    double log_polynomial_bound(const BernsteinEllipse& ellipse) const {
        const double radius = ellipse.foci.radius() / polynomial_.interval().radius();
        const double half_sum = radius * (ellipse.rho + 1 / ellipse.rho) / 2 + 1 - radius;
        const double log_rho = std::acosh(std::max(half_sum, 1.0));
        double magnitude_sum = 0;  // Σ|c_k|·ρ'^(k−n), the power of the degree n taken out
        for (std::size_t k = 0; k < polynomial_.coefficients.size(); ++k) {
            const double below = static_cast<double>(polynomial_.degree() - k);
            magnitude_sum += std::abs(polynomial_.coefficients[k]) * std::exp(-below * log_rho);
        }
        return std::log(magnitude_sum) + static_cast<double>(polynomial_.degree()) * log_rho;
    }

    /// The lowest degree over a range of ellipses for which 2·M·ρ^−D / (ρ−1) is at most the allowed remainder.
    Piece assess(Interval interval) const {
        Piece best{interval, std::numeric_limits<std::size_t>::max(), infinity};
        const std::size_t least = std::max<std::size_t>(polynomial_.degree(), 1);
        for (int i = 0; i < ellipses; ++i) {
            const double excess = 1e-3 * std::pow(1.15, i);  // rho − 1, up to 1e4
            // Bounded on a slightly larger ellipse than the one used, so that rounding cannot let a pole in.
            const BernsteinEllipse ellipse{interval, 1 + excess * (1 + 1e-6)};
            const double log_rho = std::log1p(excess);
            double log_bound = std::log(bound_function()(ellipse));
            if (kind_ == ErrorKind::relative) log_bound += log_polynomial_bound(ellipse);
            if (std::isnan(log_bound) || log_bound == infinity) continue;
            const double log_remainder_of_degree_0 = std::log(2 / excess) + log_bound;
            const double needed = (log_remainder_of_degree_0 - std::log(allowed_remainder_)) / log_rho;
            if (needed > 1e6) continue;
            const std::size_t degree = std::max(least, static_cast<std::size_t>(std::max(needed, 0.0)) + 1);
            if (degree < best.degree) {
                best.degree = degree;
                best.remainder = std::exp(log_remainder_of_degree_0 - static_cast<double>(degree) * log_rho);
            }
        }
        return best;
    }

    ErrorBounds without_ellipse(double preliminary) {
        if (!target_.lipschitz || kind_ != ErrorKind::absolute) return {preliminary, infinity};
        const ChebyshevPolynomial slope = polynomial_.derivative();
        double slope_bound = *target_.lipschitz;
        for (const double coefficient : slope.coefficients) slope_bound += std::abs(coefficient);
        const Real lower(polynomial_.lower);
        const Real cell = (Real(polynomial_.upper) - lower) / lipschitz_cells;
        double largest = preliminary;
        for (std::size_t i = 0; i <= lipschitz_cells; ++i) {
            largest = std::max(largest, error_at(lower + cell * i).convert_to<double>() * rounding_margin);
        }
        return {largest, (largest + slope_bound * cell.convert_to<double>() / 2) * rounding_margin};
    }

    const TargetFunction& target_;
    const ChebyshevPolynomial& polynomial_;
    ErrorKind kind_;
    double magnitude_ = 1e-200;  // the target's, as far as seen
    double allowed_remainder_ = 0;
};

}  // namespace

ErrorBounds certify(const TargetFunction& target, const ChebyshevPolynomial& polynomial, ErrorKind kind) {
    require_defined(target, polynomial.interval());
    return Certifier(target, polynomial, kind).run();
}

}  // namespace polyformer::approx
