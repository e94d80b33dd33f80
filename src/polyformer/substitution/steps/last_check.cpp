#include "polyformer/substitution/steps/last_check.h"

#include <algorithm>

#include "polyformer/substitution/measurement/tail_estimate.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/progress.h"

namespace polyformer::substitution {
namespace {

using model::NodeId;

/// Values beyond their bounds cost precision before they cost the answer: room for texts of other kinds.
constexpr double kBoundMargin = 1.25;

}  // namespace

HeldOutResult check_held_out(const model::Graph& original, const model::Graph& graph, const MeasuredSites& sites,
                             const CalibrationTexts& texts, const SubstitutionOptions& options) {
    StatisticsCollector collector(graph);
    HeldOutResult result;
    Progress bar("Checking held-out texts", static_cast<double>(texts.held_out.token_count()), options.quiet);
    result.output = compare(
        original, graph, texts.held_out, options.kind,
        [&](NodeId node, std::span<const model::Tensor> values) { collector.observe(node, values); },
        [&](std::size_t tokens) { bar.update(static_cast<double>(tokens)); });
    bar.finish();
    const GraphStatistics& held_out = collector.statistics();
    for (std::size_t s = 0; s < sites.intervals.size(); ++s) {
        const approx::Interval interval = sites.intervals[s].interval;
        const Coordinate coordinate = sites.seen.sites[s].coordinate;
        const double lower = to_coordinate(coordinate, interval.lower);
        const double upper = to_coordinate(coordinate, interval.upper);
        const auto left = [&](const TextRange& text) { return text.smallest < lower || text.largest > upper; };
        const auto count = std::ranges::count_if(held_out.sites[s].texts, left);
        result.outside.push_back(held_out.sites[s].lost + static_cast<std::size_t>(count));
    }
    return result;
}

void set_bounds(model::Graph& graph, const GraphStatistics& seen, const SubstitutionOptions& options) {
    const double each = options.escape / static_cast<double>(graph.nodes.size());
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        std::vector<double> largest;
        for (std::size_t text = 0; text < seen.lost.size(); ++text) {
            if (!seen.lost[text]) largest.push_back(static_cast<double>(seen.largest[id][text]));
        }
        require(!largest.empty(), "no text stays within the intervals of all polynomials: use more calibration text");
        const double reach = std::max(estimate_tail(largest).quantile(each), seen.stress[id]);
        graph.nodes[id].bound = reach > 0 ? reach * kBoundMargin : 1.0;
    }
}

}  // namespace polyformer::substitution
