#include "polyformer/substitution/steps/degree_step.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"
#include "polyformer/support/system/progress.h"

namespace polyformer::substitution {
namespace {

/// An option this far below its share of the budget needs no higher degree beside it.
constexpr double kFarBelow = 0.01;

}  // namespace

std::vector<TriedDegrees> try_degrees(model::Graph& graph, const MeasuredSites& sites, const Trial& trial,
                                      const Prices& prices, const SubstitutionOptions& options) {
    const std::vector<SiteStatistics>& seen = sites.seen.sites;
    Progress bar("Trying degrees", static_cast<double>(seen.size() * options.degrees.size()), options.quiet);
    const double enough = kFarBelow * options.loss / static_cast<double>(seen.size());
    const double before = trial.loss(graph, model::Functions::exact).mean;  // of constant heads
    std::vector<TriedDegrees> tried(seen.size());
    for (std::size_t d = 0; d < options.degrees.size(); ++d) {
        const std::size_t degree = options.degrees[d];
        std::vector<std::size_t> open;
        for (std::size_t s = 0; s < seen.size(); ++s) {
            if (tried[s].options.empty() || !(tried[s].options.back().loss <= enough)) open.push_back(s);
        }
        std::vector<SiteFit> fits(open.size());
        parallel_for(open.size(), [&](std::size_t i) {
            fits[i] = fit_site(seen[open[i]], sites.intervals[open[i]].interval, degree);
        });
        for (std::size_t i = 0; i < open.size(); ++i) {
            const std::size_t s = open[i];
            const double loss = trial.loss_of_site(graph, seen[s].node, fits[i].polynomial) - before;
            tried[s].options.push_back({degree, std::max(0.0, loss), prices.of(seen[s].node, degree)});
            tried[s].fits.push_back(std::move(fits[i]));
            bar.update(static_cast<double>(d * seen.size() + s + 1), seen[s].name);
        }
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
}

}  // namespace polyformer::substitution
