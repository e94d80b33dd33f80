#include "polyformer/substitution/steps/degree_step.h"

#include <algorithm>
#include <cmath>

#include "polyformer/support/error.h"
#include "polyformer/support/system/progress.h"

namespace polyformer::substitution {
namespace {

/// An option this far below its share of the budget needs no higher degree beside it.
constexpr double kFarBelow = 0.01;

}  // namespace

std::vector<TriedDegrees> try_degrees(model::Graph& graph, const MeasuredSites& sites, const Trial& trial,
                                      const Prices& prices, const SubstitutionOptions& options) {
    const std::vector<SiteStatistics>& seen = sites.seen.sites;
    Progress bar("Trying degrees", static_cast<double>(seen.size()), options.quiet);
    const double enough = kFarBelow * options.loss / static_cast<double>(seen.size());
    const double before = trial.loss(graph, model::Functions::exact).mean;  // of constant heads
    SiteTrial alone(trial, graph);
    std::vector<TriedDegrees> tried(seen.size());
    for (std::size_t s = 0; s < seen.size(); ++s) {
        TriedDegrees& site = tried[s];
        for (const std::size_t degree : options.degrees) {
            if (!site.options.empty() && site.options.back().loss <= enough) break;
            site.fits.push_back(fit_site(seen[s], sites.intervals[s].interval, degree));
            const double loss = alone.loss(seen[s].node, site.fits.back().polynomial) - before;
            site.options.push_back({degree, std::max(0.0, loss), prices.of(seen[s].node, degree)});
        }
        bar.update(static_cast<double>(s + 1), seen[s].name);
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
        // The better of the two serves both; degrees are tried in one order.
        const bool first = picks[one] >= picks[other];
        const std::size_t better = first ? one : other;
        const std::size_t worse = first ? other : one;
        const auto polynomial_of = [&](std::size_t s) -> model::Polynomial& {
            return std::get<model::Apply>(graph.nodes[sites.seen.sites[s].node].operation).polynomial;
        };
        polynomial_of(worse) = polynomial_of(better);
        tried[worse].pick = std::min(picks[better], tried[worse].options.size() - 1);
    }
}

}  // namespace polyformer::substitution
