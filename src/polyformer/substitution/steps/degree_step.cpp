#include "polyformer/substitution/steps/degree_step.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "polyformer/support/error.h"
#include "polyformer/support/system/progress.h"

namespace polyformer::substitution {
namespace {

/// An option this far below its share of the budget needs no higher degree beside it.
constexpr double kFarBelow = 0.01;

/// Where a site is tried at one degree, that is the least at which its polynomial is off by no more than this in the
/// mean.
constexpr double kSmallError = 0.03;

class Trials {
  public:
    Trials(model::Graph& graph, const MeasuredSites& sites, const Trial& trial, const Prices& prices,
           const SubstitutionOptions& options)
        : sites_(sites),
          prices_(prices),
          options_(options),
          enough_(kFarBelow * options.loss / static_cast<double>(sites.intervals.size())),
          before_(trial.loss(graph, model::Functions::exact).mean),
          alone_(trial, graph) {}

    /// One degree after the other, until a higher one is not worth trying.
    TriedDegrees each_degree(std::size_t s) {
        TriedDegrees site;
        for (const std::size_t degree : options_.degrees) {
            if (!site.options.empty() && site.options.back().loss <= enough_) break;
            site.fits.push_back(fit(s, degree));
            site.options.push_back(option(s, degree, loss(s, site.fits.back())));
        }
        return site;
    }

    /// Errors that are small do to the output what is linear in them, and a loss is quadratic.
    TriedDegrees one_degree(std::size_t s) {
        TriedDegrees site;
        double loss_by_square = 0;
        for (const std::size_t degree : options_.degrees) {
            const bool first = site.options.empty();
            SiteFit one = fit(s, degree);
            if (first && one.mean_error > kSmallError && degree != options_.degrees.back()) continue;
            const double square = std::max(one.mean_error * one.mean_error, kLeastSquare);
            if (first) loss_by_square = loss(s, one) / square;
            site.options.push_back(option(s, degree, loss_by_square * square));
            site.fits.push_back(std::move(one));
            if (site.options.back().loss <= enough_) break;
        }
        return site;
    }

  private:
    static constexpr double kLeastSquare = 1e-30;

    SiteFit fit(std::size_t s, std::size_t degree) const {
        return fit_site(sites_.seen.sites[s], sites_.intervals[s].interval, degree);
    }
    double loss(std::size_t s, const SiteFit& one) {
        return std::max(0.0, alone_.loss(sites_.seen.sites[s].node, one.polynomial) - before_);
    }
    DegreeOption option(std::size_t s, std::size_t degree, double loss) const {
        return {degree, loss, prices_.of(sites_.seen.sites[s].node, degree)};
    }

    const MeasuredSites& sites_;
    const Prices& prices_;
    const SubstitutionOptions& options_;
    double enough_ = 0;
    double before_ = 0;  ///< the loss of constant heads
    SiteTrial alone_;
};

}  // namespace

std::vector<TriedDegrees> try_degrees(model::Graph& graph, const MeasuredSites& sites, const Trial& trial,
                                      const Prices& prices, const SubstitutionOptions& options) {
    const std::size_t count = sites.intervals.size();
    Progress bar("Trying degrees", static_cast<double>(count), options.quiet);
    Trials trials(graph, sites, trial, prices, options);
    std::vector<TriedDegrees> tried;
    for (std::size_t s = 0; s < count; ++s) {
        tried.push_back(count > options.many_sites ? trials.one_degree(s) : trials.each_degree(s));
        bar.update(static_cast<double>(s + 1), sites.seen.sites[s].name);
    }
    bar.finish();
    return tried;
}

void choose(model::Graph& graph, const MeasuredSites& sites, std::vector<TriedDegrees>& tried, double budget) {
    std::vector<std::vector<DegreeOption>> options;
    for (const TriedDegrees& site : tried) options.push_back(site.options);
    const std::vector<std::size_t> picks = choose_degrees(options, budget);
    for (std::size_t s = 0; s < tried.size(); ++s) {
        const SiteStatistics& seen = sites.seen.sites[s];
        const approx::Interval interval = sites.intervals[s].interval;
        tried[s].pick = picks[s];
        require(std::isfinite(tried[s].options[picks[s]].loss),
                "no polynomial of a degree up to {} in place of '{}' ({} on [{:.4g}, {:.4g}]) keeps the output finite: "
                "calibrate with texts that are more alike, or lower the margin",
                tried[s].options.back().degree, seen.name, seen.function, interval.lower, interval.upper);
        std::get<model::Apply>(graph.nodes[seen.node].operation).polynomial = tried[s].fits[picks[s]].polynomial;
    }
    for (const auto& [one, other] : sites.twins) {
        // The better of the two serves both.
        const auto degree_of = [&](std::size_t s) { return tried[s].options[picks[s]].degree; };
        const bool first = degree_of(one) >= degree_of(other);
        const std::size_t better = first ? one : other;
        const std::size_t worse = first ? other : one;
        const auto polynomial_of = [&](std::size_t s) -> model::Polynomial& {
            return std::get<model::Apply>(graph.nodes[sites.seen.sites[s].node].operation).polynomial;
        };
        polynomial_of(worse) = polynomial_of(better);
        const auto same = std::ranges::find(tried[worse].options, degree_of(better), &DegreeOption::degree);
        if (same != tried[worse].options.end()) {
            tried[worse].pick = static_cast<std::size_t>(same - tried[worse].options.begin());
        }
    }
}

}  // namespace polyformer::substitution
