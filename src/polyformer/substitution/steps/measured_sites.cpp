#include "polyformer/substitution/steps/measured_sites.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "polyformer/substitution/measurement/token_bounds.h"
#include "polyformer/substitution/polynomials/composed_inverse.h"
#include "polyformer/substitution/softmax/attention.h"
#include "polyformer/support/error.h"

namespace polyformer::substitution {
namespace {

using model::Graph;
using model::NodeId;

/// How many texts the output is looked at in, and nodes that were added later.
constexpr std::size_t kTextsForOutput = 512;
constexpr std::size_t kTextsForAdded = 512;

/// Room for rounding around an interval that arithmetic alone gives.
constexpr double kRounding = 1.001;

/// Share of what enters a rest that lies where its start overshoots.
constexpr double kOvershoot = 0.01;

/// What the rest of a composed reciprocal can meet is known without measuring. Large sums, which a text seldom has,
/// come out of a start anywhere up to 2: a fit to what was seen alone may be off by as much as its value there.
void shape_rest(SiteStatistics& site, const std::vector<FixedPolynomial>& fixed, approx::Interval& interval) {
    for (const FixedPolynomial& start : fixed) {
        if (site.name != start.name + ".rest") continue;
        const approx::Interval rest = inverse_rest(start.interval.interval, start.degree);
        interval.lower = std::max(interval.lower, rest.lower / kRounding);
        interval.upper = std::min(interval.upper, rest.upper * kRounding);
        constexpr int kPlaces = 10;
        const double each = kOvershoot * site.histogram.total() / kPlaces;
        for (int i = 1; i <= kPlaces; ++i) {
            const double x = 1 + (rest.upper - 1) * i / kPlaces;
            site.histogram.add(to_coordinate(site.coordinate, x), each);
        }
    }
}

/// A sum is at least its greatest term: what the polynomial of the terms takes, e^(rate·x), the one of the sums must
/// take.
void reach_terms(MeasuredSites& sites, std::optional<std::size_t> terms, std::optional<std::size_t> sums, double rate) {
    if (!terms || !sites.seen.sites[*terms].function.starts_with("exp") || !sums) return;
    double& upper = sites.intervals[*sums].interval.upper;
    upper = std::max(upper, std::exp(rate * sites.intervals[*terms].interval.upper));
}

/// Behind a second shift sums are 1 at most, but those of the first look are not.
void reach_weights(const Graph& graph, MeasuredSites& sites) {
    for (const SoftmaxAttention& attention : softmax_attentions(graph)) {
        const auto terms = sites.reading(graph, attention.shifted);
        if (!has_second_shift(graph, attention)) {
            reach_terms(sites, terms, sites.reading(graph, attention.all_sums), 1);
        } else if (terms) {
            reach_terms(sites, terms, sites.reading(graph, sites.seen.sites[*terms].node + 1), 0.5);
        }
    }
}

/// Where the polynomial that reads a softmax's sums ends: a reciprocal's, or that of a start before one.
std::optional<double> end_of_sums(const Graph& graph, const MeasuredSites& sites,
                                  const std::vector<FixedPolynomial>& fixed, NodeId sums) {
    if (const auto site = sites.reading(graph, sums)) return sites.intervals[*site].interval.upper;
    for (const model::Node& node : graph.nodes) {
        const auto* apply = std::get_if<model::Apply>(&node.operation);
        if (apply == nullptr || apply->input != sums) continue;
        for (const FixedPolynomial& start : fixed) {
            if (node.name == start.name + ".start") return start.interval.interval.upper;
        }
    }
    return std::nullopt;
}

/// Sums that no second shift brings near 1, those with a public prefix's weights, must not be lost in noise for the
/// sake of weights that garbled texts have. Nor need weights reach beyond the sums.
void stay_above_noise(const Graph& graph, MeasuredSites& sites, const std::vector<FixedPolynomial>& fixed) {
    for (const SoftmaxAttention& attention : softmax_attentions(graph)) {
        if (!attention.prefix_scores || has_second_shift(graph, attention)) continue;
        if (const auto sums = sites.reading(graph, attention.all_sums)) {
            sites.intervals[*sums] = cut_for_noise(sites.seen.sites[*sums], sites.intervals[*sums]);
        }
        const auto end = end_of_sums(graph, sites, fixed, attention.all_sums);
        const auto terms = sites.reading(graph, attention.shifted);
        if (!end || !terms) continue;
        sites.intervals[*terms] = cut_above(sites.seen.sites[*terms], sites.intervals[*terms], std::log(*end));
    }
}

/// What a mask takes away is zero times what the polynomial makes of it, which must not be huge.
void cover_hidden(const SiteStatistics& site, approx::Interval& interval, double margin) {
    if (site.hidden.smallest > site.hidden.largest) return;
    const double reach = margin * (site.hidden.largest - site.hidden.smallest);
    interval.lower = std::min(interval.lower, site.hidden.smallest - reach);
    interval.upper = std::max(interval.upper, site.hidden.largest + reach);
}

/// The site of a prefix's root: it reads a sum of the prefix's scores.
std::optional<std::size_t> site_behind(const Graph& graph, const MeasuredSites& sites, NodeId prefix_scores) {
    for (NodeId id = prefix_scores + 1; id < graph.nodes.size(); ++id) {
        const auto* sum = std::get_if<model::Add>(&graph.nodes[id].operation);
        if (sum != nullptr && (sum->left == prefix_scores || sum->right == prefix_scores)) {
            return sites.reading(graph, id);
        }
    }
    return std::nullopt;
}

void find_twins(const Graph& graph, MeasuredSites& sites) {
    for (const SoftmaxAttention& attention : softmax_attentions(graph)) {
        if (!attention.prefix_scores || has_second_shift(graph, attention)) continue;
        const auto text = sites.reading(graph, std::get<model::Apply>(graph.nodes[attention.root].operation).input);
        const auto prefix = site_behind(graph, sites, *attention.prefix_scores);
        if (!text || !prefix || sites.seen.sites[*text].function != sites.seen.sites[*prefix].function) continue;
        sites.twins.emplace_back(*text, *prefix);
        approx::Interval& both = sites.intervals[*text].interval;
        const approx::Interval other = sites.intervals[*prefix].interval;
        both = {std::min(both.lower, other.lower), std::max(both.upper, other.upper)};
        sites.intervals[*prefix].interval = both;
        sites.seen.sites[*text].histogram.merge(sites.seen.sites[*prefix].histogram);
        sites.seen.sites[*prefix].histogram = sites.seen.sites[*text].histogram;
    }
}

}  // namespace

std::optional<std::size_t> MeasuredSites::reading(const Graph& graph, NodeId node) const {
    for (std::size_t s = 0; s < seen.sites.size(); ++s) {
        if (std::get<model::Apply>(graph.nodes[seen.sites[s].node].operation).input == node) return s;
    }
    return std::nullopt;
}

GraphStatistics measure(const Graph& graph, const CalibrationTexts& texts, const SubstitutionOptions& options) {
    StatisticsCollector collector(graph);
    const auto observer = [&](Purpose purpose) {
        return [&, purpose](NodeId node, std::span<const model::Tensor> values) {
            collector.observe(node, values, purpose);
        };
    };
    const std::size_t rest = texts.sample.count() - std::min(kTextsForOutput, texts.sample.count());
    pass("Measuring inputs of functions", graph, texts.sample.part(0, kTextsForOutput), options.quiet,
         observer(Purpose::sample));
    pass("Measuring inputs of functions", graph, texts.sample.part(kTextsForOutput, rest), options.quiet,
         observer(Purpose::sample), false);
    pass("Measuring how far they reach", graph, texts.stress, options.quiet, observer(Purpose::stress));
    GraphStatistics seen = collector.statistics();
    bound_by_tokens(graph, texts.vocabulary, seen);
    return seen;
}

GraphStatistics measure_added(const Graph& graph, const std::vector<std::string>& names_before,
                              const GraphStatistics& seen, const CalibrationTexts& texts,
                              const SubstitutionOptions& options) {
    const CalibrationTexts some{texts.sample.part(0, kTextsForAdded), texts.stress, {}};
    GraphStatistics now = measure(graph, some, options);
    std::map<std::string, NodeId> before;
    for (NodeId id = 0; id < names_before.size(); ++id) before.emplace(names_before[id], id);
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        const auto found = before.find(graph.nodes[id].name);
        if (found != before.end()) now.largest[id] = seen.largest[found->second];
    }
    for (SiteStatistics& site : now.sites) {
        const auto found = std::ranges::find(seen.sites, site.name, &SiteStatistics::name);
        if (found == seen.sites.end()) continue;
        const NodeId node = site.node;
        site = *found;
        site.node = node;
    }
    std::vector<bool> lost = seen.lost;
    for (std::size_t text = 0; text < now.lost.size(); ++text) lost[text] = lost[text] || now.lost[text];
    now.lost = std::move(lost);
    return now;
}

MeasuredSites sites_of(const Graph& graph, GraphStatistics seen, const SubstitutionOptions& options,
                       const std::vector<FixedPolynomial>& fixed) {
    MeasuredSites sites{.seen = std::move(seen), .intervals = {}};
    require(!sites.seen.sites.empty(), "the graph names no function that a polynomial could replace");
    const double each = options.escape / (2 * static_cast<double>(sites.seen.sites.size()));
    for (SiteStatistics& site : sites.seen.sites) {
        sites.intervals.push_back(interval_of(site, each, options.margin));
        shape_rest(site, fixed, sites.intervals.back().interval);
    }
    reach_weights(graph, sites);
    stay_above_noise(graph, sites, fixed);
    for (std::size_t s = 0; s < sites.intervals.size(); ++s) {
        cover_hidden(sites.seen.sites[s], sites.intervals[s].interval, options.margin);
    }
    find_twins(graph, sites);
    return sites;
}

}  // namespace polyformer::substitution
