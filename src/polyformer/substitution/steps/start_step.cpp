#include "polyformer/substitution/steps/start_step.h"

#include <cstddef>

#include "polyformer/substitution/polynomials/composed_inverse.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::substitution {
namespace {

/// A reciprocal that loses more than this share of the budget at the highest degree gets a start of this degree before
/// it.
constexpr double kMostOfOneInverse = 0.15;
constexpr std::size_t kStartDegree = 31;

}  // namespace

std::vector<FixedPolynomial> compose_inverses(model::Graph& graph, const MeasuredSites& sites, const Trial& trial,
                                              const SubstitutionOptions& options) {
    std::vector<std::size_t> reciprocals;
    for (std::size_t s = 0; s < sites.seen.sites.size(); ++s) {
        if (sites.seen.sites[s].function == "reciprocal") reciprocals.push_back(s);
    }
    std::vector<SiteFit> fits(reciprocals.size());
    parallel_for(reciprocals.size(), [&](std::size_t i) {
        const std::size_t s = reciprocals[i];
        fits[i] = fit_site(sites.seen.sites[s], sites.intervals[s].interval, options.degrees.back());
    });
    const double before = trial.loss(graph, model::Functions::exact).mean;
    SiteTrial alone(trial, graph);
    std::vector<std::size_t> wanting;
    for (std::size_t i = 0; i < reciprocals.size(); ++i) {
        const model::NodeId node = sites.seen.sites[reciprocals[i]].node;
        const double loss = alone.loss(node, fits[i].polynomial) - before;
        if (!(loss <= kMostOfOneInverse * options.loss)) wanting.push_back(reciprocals[i]);
    }
    std::vector<FixedPolynomial> starts;
    for (std::size_t i = wanting.size(); i-- > 0;) {  // from the end: later nodes move
        const SiteStatistics& site = sites.seen.sites[wanting[i]];
        const SiteInterval& interval = sites.intervals[wanting[i]];
        compose_inverse(graph, site.node, interval.interval, kStartDegree);
        starts.push_back({site.name, interval, kStartDegree});
    }
    return starts;
}

}  // namespace polyformer::substitution
