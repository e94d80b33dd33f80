#include "polyformer/substitution/steps/second_shift_step.h"

#include <cstddef>

#include "polyformer/substitution/softmax/second_shift.h"
#include "polyformer/support/error.h"

namespace polyformer::substitution {
namespace {

using model::Graph;
using model::NodeId;

/// Mean relative error that noise may bring into the sums of a softmax.
constexpr double kMostErrorByNoise = 1e-2;
/// Of the polynomials in a second shift: absolute of a logarithm, relative of a sum.
constexpr double kMostErrorOfLog = 0.1;
constexpr double kMostErrorOfSums = 0.05;

}  // namespace

bool add_second_shifts(Graph& graph, std::vector<SoftmaxAttention>& attentions, const MeasuredSites& sites) {
    std::vector<std::size_t> spread;
    for (std::size_t a = attentions.size(); a-- > 0;) {  // from the end: later nodes move
        const auto site = sites.reading(graph, attentions[a].sums);
        if (!site || attentions[a].prefix_scores) continue;
        const double error = error_by_noise(sites.seen.sites[*site], sites.intervals[*site].interval);
        if (error > kMostErrorByNoise) spread.push_back(a);
    }
    for (const std::size_t a : spread) add_second_shift(graph, attentions, a);
    return !spread.empty();
}

std::vector<FixedPolynomial> fix_second_shifts(Graph& graph, const MeasuredSites& sites,
                                               const SubstitutionOptions& options) {
    std::vector<FixedPolynomial> fixed;
    const auto fix = [&](std::size_t s, double most_error) {
        const SiteStatistics& site = sites.seen.sites[s];
        SiteFit fit;
        for (const std::size_t degree : options.degrees) {
            fit = fit_site(site, sites.intervals[s].interval, degree);
            if (fit.largest_error <= most_error) break;
        }
        auto& apply = std::get<model::Apply>(graph.nodes[site.node].operation);
        apply.polynomial = fit.polynomial;
        apply.replaces = {};  // no longer a site
        fixed.push_back({site.name, sites.intervals[s], apply.polynomial.coefficients.size() - 1});
    };
    for (const SoftmaxAttention& attention : softmax_attentions(graph)) {
        if (!has_second_shift(graph, attention)) continue;
        const auto glance = sites.reading(graph, attention.shifted);
        require(glance.has_value(), "'{}' has a second shift, but no first look", graph.nodes[attention.weights].name);
        const NodeId sums = sites.seen.sites[*glance].node + 1;
        const auto log = sites.reading(graph, sums);
        require(log.has_value(), "no logarithm follows '{}'", graph.nodes[sums].name);
        // An error in each of the keys counts in their sum.
        fix(*glance, kMostErrorOfSums * sites.intervals[*log].interval.lower / static_cast<double>(graph.context));
        fix(*log, kMostErrorOfLog);
    }
    return fixed;
}

}  // namespace polyformer::substitution
