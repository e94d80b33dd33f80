#include "polyformer/model/interpreter/interpreter.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "polyformer/model/graph/graph_shapes.h"
#include "polyformer/model/graph/visit.h"
#include "polyformer/model/interpreter/operations.h"
#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::model {

namespace {

/// For every node: whether its value is scores of which only the causal half (k ≤ q) can reach the result.
std::vector<bool> causal_only(const Graph& graph, const std::vector<Shape>& shapes) {
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

using Values = std::vector<std::vector<Tensor>>;  ///< by node and text

std::vector<Tensor> evaluate_node(const Node& node, const Values& earlier, std::span<const Tensor> embedded,
                                  Functions functions) {
    if (const auto* linear = std::get_if<Linear>(&node.operation)) {
        return apply_linear(*linear, earlier[linear->input]);
    }
    const auto* exact = functions == Functions::exact ? std::get_if<Apply>(&node.operation) : nullptr;
    std::vector<Tensor> values(embedded.size());
    parallel_for(embedded.size(), [&](std::size_t text) {
        const auto value_of = [&](NodeId id) -> const Tensor& { return earlier[id][text]; };
        values[text] = exact != nullptr ? apply_exactly(node.name, *exact, value_of(exact->input))
                                        : evaluate_operation(node.operation, value_of, embedded[text]);
    });
    return values;
}

/// visit(id, values) after each node, those of it and of all that are still read.
template <class Visit>
std::vector<Tensor> walk(const Graph& graph, std::span<const Tensor> embedded, Functions functions, Visit visit) {
    for (const Tensor& text : embedded) static_cast<void>(checked_shapes(graph, text));
    const std::vector<NodeId> last_reader = last_readers(graph);
    Values values(graph.nodes.size());
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        values[id] = evaluate_node(graph.nodes[id], values, embedded, functions);
        visit(id, values);
        for (const NodeId input : inputs_of(graph.nodes[id].operation)) {
            if (last_reader[input] == id) values[input] = {};  // its memory serves the next ones
        }
    }
    return std::move(values.back());
}

}  // namespace

std::vector<Tensor> evaluate_all(const Graph& graph, const Tensor& embedded) {
    std::vector<Tensor> all;
    walk(graph, std::span(&embedded, 1), Functions::polynomials,
         [&](NodeId id, const Values& values) { all.push_back(values[id].front()); });
    return all;
}

std::vector<Tensor> evaluate_batch(const Graph& graph, std::span<const Tensor> embedded, Functions functions,
                                   const Observer& observer) {
    return walk(graph, embedded, functions, [&](NodeId id, const Values& values) {
        if (observer) observer(id, values[id]);
    });
}

Evaluation evaluate(const Graph& graph, const Tensor& embedded) {
    const std::vector<bool> causal = causal_only(graph, checked_shapes(graph, embedded));
    Evaluation result;
    std::vector<Tensor> logits =
        walk(graph, std::span(&embedded, 1), Functions::polynomials, [&](NodeId id, const Values& values) {
            result.largest.push_back(largest_magnitude(values[id].front()));
            if (const auto* apply = std::get_if<Apply>(&graph.nodes[id].operation)) {
                result.intervals.push_back(report(graph.nodes[id], values[apply->input].front(), causal[apply->input]));
            }
        });
    result.logits = std::move(logits.front());
    return result;
}

}  // namespace polyformer::model
