#include "polyformer/substitution/measurement/site_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "polyformer/model/interpreter/interval_watch.h"
#include "polyformer/model/interpreter/operations.h"
#include "polyformer/support/extremes.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::substitution {
namespace {

using model::NodeId;
using model::Tensor;

/// A prime, so that no period of rows or columns falls in with it.
constexpr std::size_t kStride = 7;
constexpr std::size_t kCountedInFull = 4096;

/// How many entries of a row count.
std::size_t kept(const SiteStatistics& site, const Tensor& tensor, std::size_t row) {
    return site.causal ? row % tensor.columns + 1 : tensor.columns;
}

/// The extremes as coordinates; nothing when a value has none or lies beyond the limits.
std::optional<TextRange> range_of(const Tensor& tensor, const SiteStatistics& site, const TextRange& limits) {
    if (tensor.values.empty()) return std::nullopt;
    double smallest = tensor.values.front();
    double largest = smallest;
    double sum = 0;  // NaN hides from comparisons, but not from a sum
    for (std::size_t row = 0; row < tensor.rows; ++row) {
        const std::span<const double> values(&tensor.values[row * tensor.columns], kept(site, tensor, row));
        for (const double value : values) {
            smallest = std::min(smallest, value);
            largest = std::max(largest, value);
            sum += value;
        }
    }
    if (!std::isfinite(sum) || (site.coordinate == Coordinate::logarithm && smallest <= 0)) return std::nullopt;
    const TextRange range{to_coordinate(site.coordinate, smallest), to_coordinate(site.coordinate, largest)};
    if (range.smallest < limits.smallest || range.largest > limits.largest) return std::nullopt;
    return range;
}

/// The extremes of what a causal mask takes away.
TextRange hidden_range(const Tensor& tensor) {
    TextRange range = SiteStatistics{}.hidden;
    for (std::size_t row = 0; row < tensor.rows; ++row) {
        for (std::size_t column = row % tensor.columns + 1; column < tensor.columns; ++column) {
            range.smallest = std::min(range.smallest, tensor.at(row, column));
            range.largest = std::max(range.largest, tensor.at(row, column));
        }
    }
    return range;
}

void widen(TextRange& range, const TextRange& more) {
    range.smallest = std::min(range.smallest, more.smallest);
    range.largest = std::max(range.largest, more.largest);
}

/// What each input of a row of exponentials counts: the square of what an error of the function does to its row's
/// weights, relative to their sum.
struct RowWeight {
    bool by_row = false;
    bool squared = false;  ///< weights are squares of the function's values

    double rate() const { return squared ? 1.0 : 0.5; }  ///< weights are e^(rate·x)
    double log_of_sum(std::span<const double> row) const {
        const double largest = std::ranges::max(row);
        double sum = 0;
        for (const double x : row) sum += std::exp(rate() * (x - largest));
        return rate() * largest + std::log(sum);
    }
    double operator()(double x, double log_of_sum) const {
        return by_row ? std::exp((squared ? x : 0) - 2 * log_of_sum) : 1;
    }
};

void count(const Tensor& tensor, const SiteStatistics& site, ValueHistogram& histogram) {
    const std::size_t stride = tensor.values.size() > kCountedInFull ? kStride : 1;
    const RowWeight weight{.by_row = site.function == "exp_half", .squared = site.squared};
    for (std::size_t row = 0; row < tensor.rows; ++row) {
        const std::span<const double> values(&tensor.values[row * tensor.columns], kept(site, tensor, row));
        const double log_of_sum = weight.by_row ? weight.log_of_sum(values) : 0;
        for (std::size_t i = row % stride; i < values.size(); i += stride) {
            histogram.add(to_coordinate(site.coordinate, values[i]), weight(values[i], log_of_sum));
        }
    }
}

/// Whether the only reader of a node multiplies it by itself.
bool is_squared(const model::Graph& graph, NodeId id) {
    std::size_t readers = 0;
    bool squares = false;
    for (const model::Node& node : graph.nodes) {
        for (const NodeId input : model::inputs_of(node.operation)) readers += input == id ? 1 : 0;
        const auto* product = std::get_if<model::Multiply>(&node.operation);
        squares = squares || (product != nullptr && product->left == id && product->right == id);
    }
    return squares && readers == 2;
}

/// For each node whether it is stored under a causal mask alone, so that what the mask takes away is nowhere:
/// exponentials of scores that attention reads, their roots, and the squares of those.
std::vector<bool> stored_under_mask(const model::Graph& graph, const std::vector<bool>& causal) {
    std::vector<bool> only_attention(graph.nodes.size(), true);
    for (const model::Node& node : graph.nodes) {
        const bool attention = std::holds_alternative<model::AttentionValues>(node.operation) ||
                               std::holds_alternative<model::AttentionSums>(node.operation);
        for (const NodeId input : model::inputs_of(node.operation)) {
            only_attention[input] = only_attention[input] && attention;
        }
    }
    std::vector<bool> under_mask(graph.nodes.size(), false);
    const auto is_polynomial = [&](NodeId id) {
        return std::holds_alternative<model::Apply>(graph.nodes[id].operation);
    };
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        if (!causal[id] || !only_attention[id]) continue;
        const auto* product = std::get_if<model::Multiply>(&graph.nodes[id].operation);
        const bool square = product != nullptr && is_polynomial(product->left) && is_squared(graph, product->left);
        under_mask[id] = is_polynomial(id) || square;
        if (square) under_mask[product->left] = true;
    }
    return under_mask;
}

double largest_magnitude(const Tensor& tensor, bool under_causal_mask) {
    if (!under_causal_mask) return model::largest_magnitude(tensor);
    double largest = 0;
    for (std::size_t row = 0; row < tensor.rows; ++row) {
        const std::size_t seen = row % tensor.columns + 1;
        for (std::size_t column = 0; column < seen; ++column) {
            largest = larger(largest, std::abs(tensor.at(row, column)));
        }
    }
    return largest;
}

}  // namespace

Coordinate coordinate_of(std::string_view function) {
    for (const std::string_view positive : {"reciprocal", "inverse", "inverse_sqrt", "log"}) {
        if (function == positive) return Coordinate::logarithm;
    }
    return Coordinate::value;
}

double to_coordinate(Coordinate coordinate, double x) {
    return coordinate == Coordinate::logarithm ? std::log(x) : x;
}

double from_coordinate(Coordinate coordinate, double x) {
    return coordinate == Coordinate::logarithm ? std::exp(x) : x;
}

StatisticsCollector::StatisticsCollector(const model::Graph& graph, std::vector<TextRange> limits)
    : StatisticsCollector(graph) {
    limits_ = std::move(limits);
}

StatisticsCollector::StatisticsCollector(const model::Graph& graph) : sites_reading_(graph.nodes.size()) {
    const std::vector<bool> causal = model::causal_scores(graph);
    under_mask_ = stored_under_mask(graph, causal);
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        const auto* apply = std::get_if<model::Apply>(&graph.nodes[id].operation);
        if (apply == nullptr || apply->replaces.empty()) continue;
        sites_reading_[apply->input].push_back(statistics_.sites.size());
        statistics_.sites.push_back({.node = id,
                                     .name = graph.nodes[id].name,
                                     .function = apply->replaces,
                                     .coordinate = coordinate_of(apply->replaces),
                                     .squared = is_squared(graph, id),
                                     .causal = causal[apply->input],
                                     .histogram = {},
                                     .texts = {}});
    }
    constexpr double kAnywhere = std::numeric_limits<double>::infinity();
    limits_.assign(statistics_.sites.size(), {-kAnywhere, kAnywhere});
    statistics_.largest.resize(graph.nodes.size());
    statistics_.stress.resize(graph.nodes.size());
}

void StatisticsCollector::note_magnitudes(NodeId node, std::span<const Tensor> values, Purpose purpose) {
    const bool sample = purpose == Purpose::sample;
    if (node == 0) {
        first_of_batch_ = statistics_.lost.size();
        if (sample) statistics_.lost.resize(first_of_batch_ + values.size(), false);
        stress_lost_.assign(values.size(), false);
        stressed_.assign(statistics_.largest.size(), {});
    }
    for (const Tensor& tensor : values) {
        const double largest = largest_magnitude(tensor, under_mask_[node]);
        if (sample) statistics_.largest[node].push_back(static_cast<float>(largest));
        if (!sample) stressed_[node].push_back(largest);
    }
}

void StatisticsCollector::observe(NodeId node, std::span<const Tensor> values, Purpose purpose) {
    const bool sample = purpose == Purpose::sample;
    note_magnitudes(node, values, purpose);
    for (const std::size_t index : sites_reading_[node]) {
        SiteStatistics& site = statistics_.sites[index];
        std::vector<std::optional<TextRange>> ranges(values.size());
        std::vector<ValueHistogram> histograms(values.size());
        parallel_for(values.size(), [&](std::size_t i) {
            ranges[i] = range_of(values[i], site, limits_[index]);
            if (ranges[i] && sample) count(values[i], site, histograms[i]);
        });
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (site.causal) widen(site.hidden, hidden_range(values[i]));
            if (!sample) {
                if (!ranges[i]) {
                    stress_lost_[i] = true;
                } else {
                    widen(site.stress, *ranges[i]);
                }
            } else if (!ranges[i]) {
                ++site.lost;
                statistics_.lost[first_of_batch_ + i] = true;
            } else {
                site.texts.push_back(*ranges[i]);
                site.histogram.merge(histograms[i]);
            }
        }
    }
    if (sample || node + 1 != statistics_.largest.size()) return;
    for (NodeId id = 0; id < statistics_.largest.size(); ++id) {
        for (std::size_t i = 0; i < stressed_[id].size(); ++i) {
            if (!stress_lost_[i]) statistics_.stress[id].push_back(static_cast<float>(stressed_[id][i]));
        }
    }
}

void merge(GraphStatistics& all, const GraphStatistics& more) {
    for (std::size_t i = 0; i < all.sites.size(); ++i) {
        SiteStatistics& site = all.sites[i];
        site.histogram.merge(more.sites[i].histogram);
        site.texts.insert(site.texts.end(), more.sites[i].texts.begin(), more.sites[i].texts.end());
        site.lost += more.sites[i].lost;
        widen(site.stress, more.sites[i].stress);
        widen(site.hidden, more.sites[i].hidden);
    }
    all.lost.insert(all.lost.end(), more.lost.begin(), more.lost.end());
    for (std::size_t node = 0; node < all.largest.size(); ++node) {
        all.largest[node].insert(all.largest[node].end(), more.largest[node].begin(), more.largest[node].end());
        all.stress[node].insert(all.stress[node].end(), more.stress[node].begin(), more.stress[node].end());
    }
}

}  // namespace polyformer::substitution
