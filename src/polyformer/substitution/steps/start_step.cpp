#include "polyformer/substitution/steps/start_step.h"

#include <algorithm>
#include <cstddef>

#include "polyformer/substitution/polynomials/composed_inverse.h"
#include "polyformer/substitution/softmax/attention.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::substitution {
namespace {

/// A reciprocal that loses more than this share of the budget at the highest degree gets a start of this degree before
/// it.
constexpr double kMostOfOneInverse = 0.15;
constexpr std::size_t kStartDegree = 31;

/// So does one that is off by more than this in the mean where nothing brings the sums near 1 (second_shift.h): the few
/// sums that lie far below, which trials on a few texts hardly meet, would be off by their whole value.
constexpr double kMostErrorOfSpreadSums = 0.03;

/// Sites of sums with a public prefix's weights.
std::vector<std::size_t> sites_of_spread_sums(const model::Graph& graph, const MeasuredSites& sites) {
    std::vector<std::size_t> found;
    for (const SoftmaxAttention& attention : softmax_attentions(graph)) {
        if (!attention.prefix_scores) continue;
        if (const auto site = sites.reading(graph, attention.all_sums)) found.push_back(*site);
    }
    return found;
}

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
    const std::vector<std::size_t> spread = sites_of_spread_sums(graph, sites);
    std::vector<std::size_t> wanting;
    for (std::size_t i = 0; i < reciprocals.size(); ++i) {
        if (fits[i].mean_error > kMostErrorOfSpreadSums && std::ranges::find(spread, reciprocals[i]) != spread.end()) {
            wanting.push_back(reciprocals[i]);
            continue;
        }
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
