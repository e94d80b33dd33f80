#include "polyformer/approx/fitting/histogram.h"

#include <algorithm>
#include <boost/math/quadrature/gauss.hpp>
#include <cmath>
#include <numeric>

#include "polyformer/approx/fitting/certificate.h"
#include "polyformer/approx/numerics/linear_system.h"
#include "polyformer/support/error.h"

namespace polyformer::approx {
namespace {

// A knot of the density wherever this share of the inputs lies since the last one, or it has changed by this much.
constexpr double knot_mass = 1.0 / 128;
constexpr double knot_change = 0.2;

/// A stretch of the interval on which the density is constant.
struct Bin {
    Interval interval;
    double mass = 0;  ///< of the inputs within the interval, which add up to 1
};

/// The histogram cut to an interval, with empty bins where it does not reach.
struct Distribution {
    std::vector<Bin> bins;
    double mass_outside = 0;
};

Distribution restrict_to(const Histogram& histogram, Interval interval) {
    validate(histogram);
    Distribution result;
    const auto add = [&](double lower, double upper, double mass) {
        if (lower < upper) result.bins.push_back({{lower, upper}, mass});
    };
    const std::vector<double>& edges = histogram.edges;
    add(interval.lower, std::min(interval.upper, edges.front()), 0);
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
        const double lower = std::max(edges[i], interval.lower);
        const double upper = std::min(edges[i + 1], interval.upper);
        add(lower, upper, histogram.counts[i] * (upper - lower) / (edges[i + 1] - edges[i]));
    }
    add(std::max(interval.lower, edges.back()), interval.upper, 0);

    double inside = 0;
    for (const Bin& bin : result.bins) inside += bin.mass;
    require(inside > 0,
            "no input of the histogram, which spans [{}, {}], lies in [{}, {}]: was it measured for another function?",
            edges.front(), edges.back(), interval.lower, interval.upper);
    for (Bin& bin : result.bins) bin.mass /= inside;
    const double all = std::accumulate(histogram.counts.begin(), histogram.counts.end(), 0.0);
    result.mass_outside = std::max(0.0, 1 - inside / all);
    return result;
}

void require_floor(double floor) {
    require(floor > 0 && floor <= 1, "a floor of {} is no share: give one above 0 and at most 1 (such as {})", floor,
            default_floor);
}

/// A quadrature point: ∫ g·density ≈ Σ mass·g(x), once for the histogram and once for its mixture with the floor.
struct Node {
    Real x;
    double histogram_mass = 0;
    double mixture_mass = 0;
};

/// Gauss–Legendre on every bin, cut at knots and into panels short enough for the square of a degree-n polynomial.
std::vector<Node> quadrature(const Distribution& distribution, Interval interval, const std::vector<double>& knots,
                             std::size_t degree, double floor) {
    using Rule = boost::math::quadrature::gauss<double, 10>;
    const double width = interval.upper - interval.lower;
    const double longest_panel = width / static_cast<double>(degree + 8);
    std::vector<Node> nodes;
    const auto add_panel = [&](double lower, double upper, const Bin& bin) {
        const double share = (upper - lower) / (bin.interval.upper - bin.interval.lower);
        const double mixture = (1 - floor) * bin.mass * share + floor * (upper - lower) / width;
        const double center = lower / 2 + upper / 2;
        for (std::size_t i = 0; i < Rule::abscissa().size(); ++i) {
            const double offset = Rule::abscissa()[i] * (upper - lower) / 2;
            const double weight = Rule::weights()[i] / 2;
            nodes.push_back({Real(center + offset), weight * bin.mass * share, weight * mixture});
            nodes.push_back({Real(center - offset), weight * bin.mass * share, weight * mixture});
        }
    };
    for (const Bin& bin : distribution.bins) {
        std::vector<double> ends{bin.interval.lower, bin.interval.upper};
        for (const double knot : knots) {
            if (bin.interval.lower < knot && knot < bin.interval.upper) ends.push_back(knot);
        }
        std::ranges::sort(ends);
        for (std::size_t i = 0; i + 1 < ends.size(); ++i) {
            const double length = ends[i + 1] - ends[i];
            const double panels = std::ceil(length / longest_panel);
            for (int j = 0; j < panels; ++j) {
                add_panel(ends[i] + length * (j / panels), ends[i] + length * ((j + 1) / panels), bin);
            }
        }
    }
    return nodes;
}

}  // namespace

void validate(const Histogram& histogram) {
    const std::vector<double>& edges = histogram.edges;
    require(!histogram.counts.empty() && edges.size() == histogram.counts.size() + 1,
            "a histogram of {} counts has {} edges: it needs at least one count and one edge more than counts",
            histogram.counts.size(), edges.size());
    double sum = 0;
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
        require(std::isfinite(edges[i]) && std::isfinite(edges[i + 1]) && edges[i] < edges[i + 1],
                "edges {} and {} of the histogram are {} and {}: they must be finite and ascend", i, i + 1, edges[i],
                edges[i + 1]);
        require(std::isfinite(histogram.counts[i]) && histogram.counts[i] >= 0,
                "count {} of the histogram is {}: it must be finite and not negative", i, histogram.counts[i]);
        sum += histogram.counts[i];
    }
    require(sum > 0 && std::isfinite(sum), "the counts of the histogram add up to {}: it must hold at least one input",
            sum);
}

WeightedApproximation weighted_least_squares(const TargetFunction& target, Interval interval, std::size_t degree,
                                             const Histogram& histogram, double floor, ErrorKind kind) {
    require(degree <= max_degree, "degree {} is too high: at most {}", degree, max_degree);
    require_defined(target, interval);
    require_floor(floor);
    if (kind == ErrorKind::relative) require_no_zero(target, interval);
    const Distribution distribution = restrict_to(histogram, interval);
    std::vector<Node> nodes = quadrature(distribution, interval, target.knots, degree, floor);

    // Normal equations. T_i·T_j = (T_{i+j} + T_{|i−j|}) / 2, so the moments of T_0 ... T_2n make up the Gram matrix.
    std::vector<Real> moments(2 * degree + 1, Real(0));
    LinearSystem system(degree + 1);
    std::vector<Real> values;
    values.reserve(nodes.size());
    for (Node& node : nodes) {
        values.push_back(target(node.x));
        require(isfinite(values.back()), "{}({:.17g}) is not finite: choose an interval on which it is", target.name,
                node.x.convert_to<double>());
        if (kind == ErrorKind::relative) {
            const double value = values.back().convert_to<double>();
            node.histogram_mass /= value * value;
            node.mixture_mass /= value * value;
        }
        const Real u = (2 * node.x - interval.lower - interval.upper) / (Real(interval.upper) - interval.lower);
        Real previous = node.mixture_mass * u;
        Real current = node.mixture_mass;
        for (std::size_t k = 0; k <= 2 * degree; ++k) {
            moments[k] += current;
            if (k <= degree) system.right[k] += current * values.back();
            Real next = 2 * u * current - previous;
            previous = current;
            current = next;
        }
    }
    for (std::size_t i = 0; i <= degree; ++i) {
        for (std::size_t j = 0; j <= degree; ++j) {
            system.at(i, j) = (moments[i + j] + moments[i > j ? i - j : j - i]) / 2;
        }
    }
    ChebyshevPolynomial polynomial{interval.lower, interval.upper, {}};
    for (const Real& coefficient : solve(std::move(system))) {
        polynomial.coefficients.push_back(coefficient.convert_to<double>());
    }

    Real squares = 0;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const Real error = values[i] - polynomial(nodes[i].x);
        squares += error * error * nodes[i].histogram_mass;
    }
    const ErrorBounds bounds = certify(target, polynomial, kind);
    return {{std::move(polynomial), kind, bounds.max_grid_error, bounds.certified_error, std::nullopt},
            Real(sqrt(squares)).convert_to<double>(),
            distribution.mass_outside};
}

double mean_error(const TargetFunction& target, const ChebyshevPolynomial& polynomial, ErrorKind kind,
                  const Histogram& histogram) {
    const Interval interval = polynomial.interval();
    require_defined(target, interval);
    double sum = 0;
    for (const Node& node : quadrature(restrict_to(histogram, interval), interval, target.knots,
                                       8 * (polynomial.degree() + 1), default_floor)) {
        const auto x = node.x.convert_to<double>();
        const double value = target(x);
        const double error = std::abs(value - polynomial(x));
        sum += node.histogram_mass * (kind == ErrorKind::relative ? error / std::abs(value) : error);
    }
    return sum;
}

Weight density_weight(const Histogram& histogram, Interval interval, double floor) {
    require_proper(interval);
    require_floor(floor);
    const double width = interval.upper - interval.lower;
    std::vector<double> centers;
    std::vector<double> densities;
    std::vector<double> knots;
    double mass_since_knot = 0;
    double density_at_knot = 0;
    for (const Bin& bin : restrict_to(histogram, interval).bins) {
        centers.push_back(bin.interval.center());
        densities.push_back((1 - floor) * bin.mass * width / (bin.interval.upper - bin.interval.lower) + floor);
        mass_since_knot += bin.mass;
        const double density = densities.back();
        const bool moved =
            density > (1 + knot_change) * density_at_knot || density_at_knot > (1 + knot_change) * density;
        if (!moved && mass_since_knot < knot_mass) continue;
        knots.push_back(centers.back());
        mass_since_knot = 0;
        density_at_knot = density;
    }
    auto interpolated = [centers = std::move(centers), densities = std::move(densities)](double x) {
        const auto above = std::ranges::upper_bound(centers, x);
        if (above == centers.begin()) return std::sqrt(densities.front());
        if (above == centers.end()) return std::sqrt(densities.back());
        const auto right = static_cast<std::size_t>(above - centers.begin());
        const double share = (x - centers[right - 1]) / (centers[right] - centers[right - 1]);
        return std::sqrt(densities[right - 1] + share * (densities[right] - densities[right - 1]));
    };
    return {std::move(interpolated), std::move(knots)};
}

}  // namespace polyformer::approx
