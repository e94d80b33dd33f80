#include "polyformer/substitution/steps/last_check.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "polyformer/substitution/measurement/tail_estimate.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/progress.h"

namespace polyformer::substitution {
namespace {

using model::NodeId;

/// Values beyond their bounds cost precision before they cost the answer: room for texts of other kinds.
constexpr double kBoundMargin = 1.25;

/// Stress texts that stay within the polynomials' intervals: others have no answer, and noise should not be large for
/// their sake.
std::vector<std::size_t> texts_inside(const model::Graph& graph, const GraphStatistics& seen) {
    std::vector<std::size_t> inside;
    for (std::size_t text = 0; text < seen.stress.front().size(); ++text) {
        const auto leaves = [&](const model::Node& node) {
            const auto* apply = std::get_if<model::Apply>(&node.operation);
            if (apply == nullptr) return false;
            const double reach = std::max(std::abs(apply->polynomial.lower), std::abs(apply->polynomial.upper));
            return static_cast<double>(seen.stress[apply->input][text]) > reach;
        };
        if (std::ranges::none_of(graph.nodes, leaves)) inside.push_back(text);
    }
    return inside;
}

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
    const std::vector<std::size_t> inside = texts_inside(graph, seen);
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        std::vector<double> largest;
        for (std::size_t text = 0; text < seen.largest[id].size(); ++text) {
            if (!seen.lost[text]) largest.push_back(static_cast<double>(seen.largest[id][text]));
        }
        require(!largest.empty(), "no text stays within the intervals of all polynomials: use more calibration text");
        double reach = estimate_tail(largest).quantile(each);
        for (const std::size_t text : inside) reach = std::max(reach, static_cast<double>(seen.stress[id][text]));
        graph.nodes[id].bound = reach > 0 ? reach * kBoundMargin : 1.0;
    }
}

}  // namespace polyformer::substitution
