#include "polyformer/substitution/polynomials/site_fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "polyformer/approx/fitting/histogram.h"
#include "polyformer/approx/fitting/target_function.h"
#include "polyformer/support/error.h"

namespace polyformer::substitution {
namespace {

constexpr std::size_t kBins = 96;
/// Share of the weight that is spread evenly over the interval, in the site's coordinate. A relative error of some
/// percent in a factor of a whole token or head does little harm, one of 1 makes it worthless.
constexpr double kFloor = 0.02;
constexpr double kFloorOfFactors = 0.03;
/// The least margin, relative to the largest input: for inputs that are all the same.
constexpr double kLeastWidth = 0.05;
/// Texts of another kind move whole distributions of variances and sums: at a margin of 0.08, by a factor of 2.2.
constexpr double kMarginOfLogarithms = 10;
/// So many times that below sums: a polynomial resolves 1/x down to a share of the interval's upper end, whatever its
/// lower end is, so that room there costs next to nothing.
constexpr double kMarginBelowSums = 3;
/// At most so many times that above shifted scores. Of 20,000 texts of other kinds one or two have weights that are 70
/// times the greatest that a thousand texts of the calibration's kind have.
constexpr double kMarginAboveScores = 5;
/// So many times the margin, relative to the upper end, for first looks: they are there because scores are predicted
/// badly, and these have the longest tails.
constexpr double kMarginAboveFirstLook = 9;

/// Room for rounding around inputs that are known exactly, in the site's coordinate.
constexpr double kRounding = 1e-3;

/// Standard deviation of what a bootstrap leaves in a slot, of values that fill [-1, 1].
constexpr double kNoise = 0x1p-21;
/// Of that what the least input may meet at most, relative to itself: all of thousands of slots must stay inside.
constexpr double kMostNoise = 0.1;

/// What was seen with the floor under it, on the whole interval, on the function's own scale.
approx::Histogram density_of(const SiteStatistics& site, approx::Interval interval) {
    const double floor = site.coordinate == Coordinate::logarithm ? kFloorOfFactors : kFloor;
    const approx::Histogram seen = site.histogram.histogram(kBins);
    const double lower = to_coordinate(site.coordinate, interval.lower);
    const double upper = to_coordinate(site.coordinate, interval.upper);
    const double width = (upper - lower) / static_cast<double>(kBins);
    double total = 0;
    for (const double count : seen.counts) total += count;
    approx::Histogram density;
    density.edges.push_back(interval.lower);
    for (std::size_t bin = 0; bin < kBins; ++bin) {
        const double from = lower + width * static_cast<double>(bin);
        const double to = from + width;
        double mass = floor / static_cast<double>(kBins);
        for (std::size_t i = 0; i < seen.counts.size(); ++i) {
            const double shared = std::min(to, seen.edges[i + 1]) - std::max(from, seen.edges[i]);
            if (shared <= 0) continue;
            mass += (1 - floor) * seen.counts[i] / total * shared / (seen.edges[i + 1] - seen.edges[i]);
        }
        density.counts.push_back(mass);
        density.edges.push_back(bin + 1 == kBins ? interval.upper : from_coordinate(site.coordinate, to));
    }
    return density;
}

/// Of the least and of the greatest inputs of texts, as coordinates; the lower one is negated.
struct Tails {
    Tail below;
    Tail above;

    double escape(double lower, double upper) const {
        return std::min(1.0, below.exceedance(-lower) + above.exceedance(upper));
    }
};

Tails tails_of(const SiteStatistics& site) {
    std::vector<double> smallest;
    std::vector<double> largest;
    for (const TextRange& text : site.texts) {
        smallest.push_back(-text.smallest);
        largest.push_back(text.largest);
    }
    // Inputs of exp are logarithms, too.
    const bool exponential = site.coordinate == Coordinate::logarithm || site.function == "exp_half";
    const double heaviest = exponential ? 0 : kHeaviestShape;
    return {estimate_tail(smallest, heaviest), estimate_tail(largest, heaviest)};
}

/// How far beyond `upper` shifted scores must be expected: not by how far the small ones lie below.
double reach_above_scores(const SiteStatistics& site, double reach, double upper, double margin) {
    const double least = std::min(reach, kMarginAboveScores * kMarginOfLogarithms * margin);
    return site.squared ? least : std::max(least, kMarginAboveFirstLook * margin * upper);
}

}  // namespace

SiteInterval interval_of(const SiteStatistics& site, double escape, double margin) {
    require(!site.texts.empty(),
            "what enters '{}' is not finite, or not positive, in any of {} texts: the model's values are beyond what "
            "double precision holds",
            site.name, site.lost);
    const Tails tails = tails_of(site);
    double lower = std::min(-tails.below.quantile(escape), site.stress.smallest);
    double upper = std::max(tails.above.quantile(escape), site.stress.largest);
    const bool logarithmic = site.coordinate == Coordinate::logarithm;
    const double least = kLeastWidth * std::max({-lower, upper, 1e-3});
    const double reach = logarithmic ? kMarginOfLogarithms * margin : std::max(margin * (upper - lower), least);
    lower -= site.function == "reciprocal" ? kMarginBelowSums * reach : reach;
    upper += site.function == "exp_half" ? reach_above_scores(site, reach, upper, margin) : reach;
    const bool all_below = site.possible.largest <= upper;
    const bool all_above = site.possible.smallest >= lower;
    if (all_above) lower = site.possible.smallest - kRounding;
    if (all_below) upper = site.possible.largest + kRounding;
    constexpr double kEverything = std::numeric_limits<double>::infinity();
    return {{from_coordinate(site.coordinate, lower), from_coordinate(site.coordinate, upper)},
            tails.escape(all_above ? -kEverything : lower, all_below ? kEverything : upper)};
}

SiteInterval cut_above(const SiteStatistics& site, const SiteInterval& interval, double upper) {
    if (interval.interval.upper <= upper) return interval;
    return {{interval.interval.lower, upper},
            tails_of(site).escape(to_coordinate(site.coordinate, interval.interval.lower),
                                  to_coordinate(site.coordinate, upper))};
}

SiteInterval cut_for_noise(const SiteStatistics& site, const SiteInterval& interval) {
    double least = site.texts.front().smallest;
    double greatest = site.texts.front().largest;
    for (const TextRange& text : site.texts) {
        least = std::min(least, text.smallest);
        greatest = std::max(greatest, text.largest);
    }
    const double bearable = 2 * kMostNoise / kNoise * from_coordinate(site.coordinate, least);
    return cut_above(site, interval, std::max(bearable, from_coordinate(site.coordinate, greatest)));
}

double error_by_noise(const SiteStatistics& site, approx::Interval interval) {
    const approx::Histogram seen = site.histogram.histogram(kBins);
    const double noise = kNoise * interval.radius();
    double total = 0;
    double error = 0;
    for (std::size_t bin = 0; bin < seen.counts.size(); ++bin) {
        const double x = from_coordinate(site.coordinate, (seen.edges[bin] + seen.edges[bin + 1]) / 2);
        total += seen.counts[bin];
        error += seen.counts[bin] * std::min(1.0, noise / std::abs(x));
    }
    return error / total;
}

SiteFit fit_site(const SiteStatistics& site, approx::Interval interval, std::size_t degree) {
    const approx::TargetFunction target = approx::target_function(site.function);
    const bool relative = site.coordinate == Coordinate::logarithm && site.function != "log";
    const auto kind = relative ? approx::ErrorKind::relative : approx::ErrorKind::absolute;
    const approx::WeightedApproximation fit = approx::weighted_least_squares(
        target, interval, degree, density_of(site, interval), approx::default_floor, kind);
    const approx::ChebyshevPolynomial& polynomial = fit.approximation.polynomial;
    return {.polynomial = {polynomial.lower, polynomial.upper, polynomial.coefficients},
            .relative = relative,
            .mean_error = fit.weighted_rms,
            .largest_error = fit.approximation.max_grid_error};
}

}  // namespace polyformer::substitution
