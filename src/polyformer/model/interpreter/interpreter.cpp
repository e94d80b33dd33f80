#include "polyformer/model/interpreter/interpreter.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "polyformer/model/graph/graph_shapes.h"
#include "polyformer/model/interpreter/operations.h"
#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"

namespace polyformer::model {

namespace {

/// For every node: whether its value is scores of which only the causal half (k ≤ q) can reach the result.
std::vector<bool> causal_only(const Graph& graph, const std::vector<Shape>& shapes) {
    std::vector<bool> causal(graph.nodes.size(), false);
    for (NodeId id = 0; id < causal.size(); ++id) causal[id] = shapes[id].scores;
    for (NodeId id = graph.nodes.size(); id-- > 0;) {
        const Operation& operation = graph.nodes[id].operation;
        const auto* values = std::get_if<AttentionValues>(&operation);
        const bool masks = values != nullptr ? values->causal : causal[id];
        for (const NodeId input : inputs_of(operation)) {
            if (!masks) causal[input] = false;
        }
    }
    return causal;
}

/// Counts the rows of `input` (scores: row h·T + q, of which `causal` keeps the first q + 1 entries).
IntervalReport report(const Node& node, const Tensor& input, bool causal) {
    const Polynomial& polynomial = std::get<Apply>(node.operation).polynomial;
    IntervalReport result{.node = node.name,
                          .lower = polynomial.lower,
                          .upper = polynomial.upper,
                          .smallest = std::numeric_limits<double>::infinity(),
                          .largest = -std::numeric_limits<double>::infinity()};
    for (std::size_t row = 0; row < input.rows; ++row) {
        const std::size_t kept = causal ? row % input.columns + 1 : input.columns;
        for (std::size_t column = 0; column < kept; ++column) {
            const double value = input.at(row, column);
            result.outside += value >= polynomial.lower && value <= polynomial.upper ? 0 : 1;  // NaN lies outside
            result.smallest = smaller(result.smallest, value);
            result.largest = larger(result.largest, value);
        }
        result.values += kept;
    }
    return result;
}

std::vector<NodeId> last_readers(const Graph& graph) {
    std::vector<NodeId> last(graph.nodes.size(), 0);
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        for (const NodeId input : inputs_of(graph.nodes[id].operation)) last[input] = id;
    }
    return last;
}

}  // namespace

std::vector<Tensor> evaluate_all(const Graph& graph, const Tensor& embedded) {
    std::vector<Tensor> values;
    values.reserve(checked_shapes(graph, embedded).size());
    for (const Node& node : graph.nodes) values.push_back(evaluate_operation(node.operation, values, embedded));
    return values;
}

Evaluation evaluate(const Graph& graph, const Tensor& embedded) {
    const std::vector<bool> causal = causal_only(graph, checked_shapes(graph, embedded));
    const std::vector<NodeId> last_reader = last_readers(graph);
    std::vector<Tensor> values;
    values.reserve(graph.nodes.size());
    Evaluation result;
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        const Node& node = graph.nodes[id];
        values.push_back(evaluate_operation(node.operation, values, embedded));
        result.largest.push_back(largest_magnitude(values[id]));
        if (const auto* apply = std::get_if<Apply>(&node.operation)) {
            result.intervals.push_back(report(node, values[apply->input], causal[apply->input]));
        }
        for (const NodeId input : inputs_of(node.operation)) {
            if (last_reader[input] == id) values[input] = {};  // its memory serves the next ones
        }
    }
    result.logits = std::move(values.back());
    return result;
}

}  // namespace polyformer::model
