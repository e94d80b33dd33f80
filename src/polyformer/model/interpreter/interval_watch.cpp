#include "polyformer/model/interpreter/interval_watch.h"

#include <algorithm>
#include <limits>

#include "polyformer/model/graph/graph_shapes.h"
#include "polyformer/model/graph/visit.h"
#include "polyformer/model/interpreter/interval_report.h"
#include "polyformer/support/extremes.h"

namespace polyformer::model {

std::vector<bool> causal_scores(const Graph& graph) {
    const std::vector<Shape> shapes = shapes_of(graph);
    std::vector<bool> causal(graph.nodes.size(), false);
    for (NodeId id = 0; id < causal.size(); ++id) causal[id] = shapes[id].scores;
    for (NodeId id = graph.nodes.size(); id-- > 0;) {
        const Operation& operation = graph.nodes[id].operation;
        const bool masks = std::visit(Overloaded{[](const AttentionValues& values) { return values.causal; },
                                                 [](const AttentionSums& sums) { return sums.causal; },
                                                 [&](const auto&) -> bool { return causal[id]; }},
                                      operation);
        for (const NodeId input : inputs_of(operation)) {
            if (!masks) causal[input] = false;
        }
    }
    return causal;
}

namespace {

IntervalReport nothing_seen(const Node& node) {
    const Polynomial& polynomial = std::get<Apply>(node.operation).polynomial;
    return {.node = node.name,
            .lower = polynomial.lower,
            .upper = polynomial.upper,
            .smallest = std::numeric_limits<double>::infinity(),
            .largest = -std::numeric_limits<double>::infinity()};
}

/// Counts the rows of `input` (scores: row h·T + q, of which `causal` keeps the first q + 1 entries).
void count(IntervalReport& report, const Tensor& input, bool causal) {
    for (std::size_t row = 0; row < input.rows; ++row) {
        const std::size_t kept = causal ? row % input.columns + 1 : input.columns;
        for (std::size_t column = 0; column < kept; ++column) {
            const double value = input.at(row, column);
            report.outside += value >= report.lower && value <= report.upper ? 0 : 1;  // NaN lies outside
            report.smallest = smaller(report.smallest, value);
            report.largest = larger(report.largest, value);
        }
        report.values += kept;
    }
}

}  // namespace

IntervalWatch::IntervalWatch(const Graph& graph, std::size_t texts)
    : graph_(graph),
      causal_(causal_scores(graph)),
      readers_(graph.nodes.size()),
      reports_(graph.nodes.size()),
      outside_(texts, false) {
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        const auto* apply = std::get_if<Apply>(&graph.nodes[id].operation);
        if (apply == nullptr) continue;
        readers_[apply->input].push_back(id);
        reports_[id] = nothing_seen(graph.nodes[id]);
    }
}

Observer IntervalWatch::observer() {
    return [this](NodeId node, std::span<const Tensor> values) { see(node, values); };
}

void IntervalWatch::see(NodeId node, std::span<const Tensor> values) {
    for (const NodeId reader : readers_[node]) {
        for (std::size_t text = 0; text < values.size(); ++text) {
            const std::size_t before = reports_[reader].outside;
            count(reports_[reader], values[text], causal_[node]);
            if (reports_[reader].outside > before) outside_[text] = true;
        }
    }
}

std::vector<IntervalReport> IntervalWatch::reports() const {
    std::vector<IntervalReport> reports;
    for (NodeId id = 0; id < graph_.nodes.size(); ++id) {
        if (std::holds_alternative<Apply>(graph_.nodes[id].operation)) reports.push_back(reports_[id]);
    }
    return reports;
}

std::size_t IntervalWatch::texts_outside() const {
    return static_cast<std::size_t>(std::ranges::count(outside_, true));
}

}  // namespace polyformer::model
