#include "polyformer/model/interpreter/interval_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <span>
#include <utility>

#include "polyformer/support/extremes.h"

namespace polyformer::model {
namespace {

double share(std::size_t part, std::size_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

/// How far the farthest input lay from the middle, in halves of the interval's length.
double reach(const IntervalReport& report) {
    if (report.values == 0) return 0;
    const double middle = (report.lower + report.upper) / 2;
    const double half = (report.upper - report.lower) / 2;
    return larger(std::abs(report.smallest - middle), std::abs(report.largest - middle)) / half;
}

/// Those first that were left most often, then those that came nearest to it.
std::vector<const IntervalReport*> worst_first(const std::vector<IntervalReport>& reports) {
    std::vector<std::pair<double, double>> rank;
    std::vector<std::size_t> order(reports.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (const IntervalReport& report : reports) {
        const double far = reach(report);
        rank.emplace_back(share(report.outside, report.values), std::isnan(far) ? INFINITY : far);
    }
    std::ranges::stable_sort(order, std::greater<>(), [&](std::size_t index) { return rank[index]; });
    std::vector<const IntervalReport*> sorted;
    for (const std::size_t index : order) sorted.push_back(&reports[index]);
    return sorted;
}

}  // namespace

void merge(std::vector<IntervalReport>& all, const std::vector<IntervalReport>& more) {
    if (all.empty()) {
        all = more;
        return;
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
        all[i].values += more[i].values;
        all[i].outside += more[i].outside;
        all[i].smallest = smaller(all[i].smallest, more[i].smallest);
        all[i].largest = larger(all[i].largest, more[i].largest);
    }
}

double outside_share(const std::vector<IntervalReport>& reports) {
    std::size_t values = 0;
    std::size_t outside = 0;
    for (const IntervalReport& report : reports) {
        values += report.values;
        outside += report.outside;
    }
    return share(outside, values);
}

double farthest_outside(const std::vector<IntervalReport>& reports) {
    double farthest = 0;
    for (const IntervalReport& report : reports) farthest = larger(farthest, reach(report));
    return farthest;
}

std::string describe_outside(double share, double farthest) {
    const std::string how_far = std::isfinite(farthest)
                                    ? fmt::format("up to {:.2g} times as far from the middle as their ends", farthest)
                                    : "some beyond all numbers";
    return fmt::format("{:.2g} % of the inputs of polynomials lie outside their intervals, {}", 100 * share, how_far);
}

nlohmann::ordered_json to_json(const std::vector<IntervalReport>& reports) {
    nlohmann::ordered_json intervals = nlohmann::ordered_json::array();
    for (const IntervalReport& report : reports) {
        intervals.push_back({{"node", report.node},
                             {"interval", {report.lower, report.upper}},
                             {"seen", {finite_or_null(report.smallest), finite_or_null(report.largest)}},
                             {"values", report.values},
                             {"outside", report.outside},
                             {"outside_share", share(report.outside, report.values)}});
    }
    return intervals;
}

std::string describe(const std::vector<IntervalReport>& reports) {
    constexpr std::size_t kShown = 12;
    std::string text = "Inputs of polynomials outside their interval:\n";
    const std::vector<const IntervalReport*> sorted = worst_first(reports);
    for (const IntervalReport* report : std::span(sorted).first(std::min(kShown, sorted.size()))) {
        text += fmt::format("  {:<44}{:>10.2e}   seen {:.4g} to {:.4g} of {:.4g} to {:.4g}\n", report->node,
                            share(report->outside, report->values), report->smallest, report->largest, report->lower,
                            report->upper);
    }
    if (sorted.size() <= kShown) return text;
    const auto left = std::ranges::count_if(std::span(sorted).subspan(kShown),
                                            [](const IntervalReport* report) { return report->outside != 0; });
    return text + fmt::format("  and of {} more, {} with values outside (--json has them all)\n",
                              sorted.size() - kShown, left == 0 ? "none" : std::to_string(left));
}

}  // namespace polyformer::model
