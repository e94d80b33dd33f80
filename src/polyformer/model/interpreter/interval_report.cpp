#include "polyformer/model/interpreter/interval_report.h"

#include <fmt/format.h>

#include <cmath>

#include "polyformer/support/extremes.h"

namespace polyformer::model {
namespace {

double share(std::size_t part, std::size_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
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
    for (const IntervalReport& report : reports) {
        if (report.values == 0) continue;
        const double middle = (report.lower + report.upper) / 2;
        const double half = (report.upper - report.lower) / 2;
        farthest =
            larger(farthest, larger(std::abs(report.smallest - middle), std::abs(report.largest - middle)) / half);
    }
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
    std::string text = "Inputs of polynomials outside their interval:\n";
    for (const IntervalReport& report : reports) {
        text += fmt::format("  {:<44}{:>10.2e}   seen {:.4g} to {:.4g} of {:.4g} to {:.4g}\n", report.node,
                            share(report.outside, report.values), report.smallest, report.largest, report.lower,
                            report.upper);
    }
    return text;
}

}  // namespace polyformer::model
