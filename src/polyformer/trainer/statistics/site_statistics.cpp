#include "polyformer/trainer/statistics/site_statistics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"
#include "polyformer/support/system/progress.h"
#include "polyformer/train/process/interruption.h"
#include "polyformer/trainer/statistics/value_counts.h"

namespace polyformer::train {
namespace {

using Json = nlohmann::ordered_json;
using torch::Tensor;

constexpr double bin_width = 1.0 / 32;
constexpr std::size_t reported_bins = 48;

// Bins cover [−reach, reach], the outermost also what lies beyond.
double reach_of(SiteKind kind) {
    return kind == SiteKind::variance ? 64 : 128;
}

void count(SiteKind kind, const Tensor& x, Tensor& counts) {
    const double reach = reach_of(kind);
    const Tensor scaled = (kind == SiteKind::variance ? x.log() : x).to(torch::kFloat32).flatten().contiguous();
    const auto bins = static_cast<std::int64_t>(2 * reach / bin_width);
    if (!counts.defined()) counts = torch::zeros({bins}, torch::kFloat64);
    if (scaled.is_cpu()) {  // where torch::histc would take half the time of measuring
        add_counts({scaled.data_ptr<float>(), static_cast<std::size_t>(scaled.numel())}, static_cast<float>(reach),
                   {counts.data_ptr<double>(), static_cast<std::size_t>(bins)});
    } else {
        counts += torch::histc(scaled.clamp(-reach, reach), bins, -reach, reach).to(torch::kCPU, torch::kFloat64);
    }
}

// The part of the bins that holds anything. What lies beyond all bins was counted in the outermost, which reach as far
// as anything was seen.
approx::Histogram histogram_of(SiteKind kind, const Tensor& counts, double smallest, double largest) {
    const double* values = counts.data_ptr<double>();
    std::int64_t first = 0;
    std::int64_t last = counts.numel();
    while (first < last && values[first] == 0) ++first;
    while (last > first && values[last - 1] == 0) --last;
    const auto edge = [&](std::int64_t bin) {
        const double x = static_cast<double>(bin) * bin_width - reach_of(kind);
        return kind == SiteKind::variance ? std::exp(x) : x;
    };
    approx::Histogram histogram;
    for (std::int64_t bin = first; bin < last; ++bin) {
        histogram.edges.push_back(edge(bin));
        histogram.counts.push_back(values[bin]);
    }
    if (first == last) return histogram;
    histogram.edges.push_back(edge(last));
    if (first == 0) histogram.edges.front() = std::min(histogram.edges.front(), smallest);
    if (last == counts.numel()) histogram.edges.back() = std::max(histogram.edges.back(), largest);
    return histogram;
}

double quantile(const approx::Histogram& histogram, double share) {
    double total = 0;
    for (const double value : histogram.counts) total += value;
    double below = 0;
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
        below += histogram.counts[i];
        if (below >= share * total) return (histogram.edges[i] + histogram.edges[i + 1]) / 2;
    }
    return histogram.edges.back();
}

Json coarse(const approx::Histogram& histogram) {
    const std::size_t bins = histogram.counts.size();
    const std::size_t group = (bins + reported_bins - 1) / reported_bins;
    Json edges = Json::array();
    Json counts = Json::array();
    for (std::size_t first = 0; first < bins; first += group) {
        const std::size_t last = std::min(bins, first + group);
        double sum = 0;
        for (std::size_t i = first; i < last; ++i) sum += histogram.counts[i];
        edges.push_back(histogram.edges[first]);
        counts.push_back(sum);
    }
    edges.push_back(histogram.edges.back());
    return {{"edges", edges}, {"counts", counts}};
}

}  // namespace

void RangeTable::add(const std::vector<Site>& sites, const std::vector<Tensor>& inputs) {
    const bool first = rows_.empty();
    rows_.resize(sites.size());
    counts_.resize(sites.size());
    kinds_.clear();
    for (const Site& site : sites) kinds_.push_back(site.kind);
    for (std::size_t i = 0; i < sites.size(); ++i) {
        const Tensor x = inputs[i].detach();
        SeenRange& row = rows_[i];
        const auto smallest = x.min().item<double>();
        const auto largest = x.max().item<double>();
        row.smallest = first ? smallest : smaller(row.smallest, smallest);
        row.largest = first ? largest : larger(row.largest, largest);
        const auto values = static_cast<double>(x.numel());
        if (sites[i].kind == SiteKind::variance) {
            row.mean_log += (x.log().mean().item<double>() - row.mean_log) * values / (row.values + values);
        }
        row.values += values;
        row.outside += x.ge(sites[i].lower).logical_and_(x.le(sites[i].upper)).logical_not_().sum().item<double>();
        if (histograms_ == Histograms::collect) count(sites[i].kind, x, counts_[i]);
    }
}

std::vector<SeenRange> RangeTable::rows() const {
    std::vector<SeenRange> rows = rows_;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (!counts_[i].defined()) continue;
        rows[i].histogram = histogram_of(kinds_[i], counts_[i], rows[i].smallest, rows[i].largest);
    }
    return rows;
}

std::string RangeTable::text(const std::vector<Site>& sites) const {
    std::string table = fmt::format("  {:<42} {:>21} {:>21} {:>11}\n", "site", "wanted", "seen", "outside");
    for (std::size_t i = 0; i < rows_.size(); ++i) {
        table +=
            fmt::format("  {:<42} {:>9.4g} .. {:>8.4g} {:>9.4g} .. {:>8.4g} {:>10.2e}\n", sites[i].name, sites[i].lower,
                        sites[i].upper, rows_[i].smallest, rows_[i].largest, rows_[i].outside / rows_[i].values);
    }
    return table;
}

RangeTable measure_ranges(Network& model, Examples& batches, const RangeMeasurement& measurement) {
    const torch::NoGradGuard no_gradients;
    const ScopedSwitch clamped(model.clamped, measurement.clamped);
    model.eval();
    RangeTable table(measurement.histograms);
    std::vector<Tensor> inputs;
    const torch::Device device = model.device();
    Progress progress("Measuring ranges", static_cast<double>(measurement.steps), measurement.quiet);
    for (std::size_t step = 0; step < measurement.steps; ++step) {
        check_interruption();
        model.forward(batches.at(step).input.to(device), &inputs);
        table.add(model.sites, inputs);
        progress.update(static_cast<double>(step + 1));
    }
    progress.finish();
    return table;
}

Json to_json(const std::vector<Site>& sites, const RangeTable& table) {
    Json list = Json::array();
    const std::vector<SeenRange> rows = table.rows();
    for (std::size_t i = 0; i < rows.size(); ++i) {
        Json entry = {{"name", sites[i].name},
                      {"kind", name_of(sites[i].kind)},
                      {"function", sites[i].function},
                      {"wanted", {sites[i].lower, sites[i].upper}},
                      {"seen", {rows[i].smallest, rows[i].largest}}};
        const approx::Histogram& histogram = rows[i].histogram;
        if (!histogram.counts.empty()) {
            entry["quantiles"] = {{"0.001", quantile(histogram, 0.001)},
                                  {"0.5", quantile(histogram, 0.5)},
                                  {"0.999", quantile(histogram, 0.999)}};
            entry["histogram"] = coarse(histogram);
        }
        list.push_back(std::move(entry));
    }
    return list;
}

double excursion(SiteKind kind, double lower, double upper, double smallest, double largest) {
    if (kind == SiteKind::variance) {
        if (smallest <= 0 || !std::isfinite(largest)) return std::numeric_limits<double>::infinity();
        lower = std::log(lower);
        upper = std::log(upper);
        smallest = std::log(smallest);
        largest = std::log(largest);
    }
    if (!std::isfinite(smallest) || !std::isfinite(largest)) return std::numeric_limits<double>::infinity();
    return std::max({0.0, lower - smallest, largest - upper}) / (upper - lower);
}

}  // namespace polyformer::train
