#include "polyformer/model/interpreter/interpreter.h"

#include "polyformer/model/graph/graph_shapes.h"
#include "polyformer/model/interpreter/interval_watch.h"
#include "polyformer/model/interpreter/operations.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::model {

namespace {

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
    static_cast<void>(checked_shapes(graph, embedded));
    IntervalWatch watch(graph, 1);
    const Observer watches = watch.observer();
    Evaluation result;
    std::vector<Tensor> logits =
        walk(graph, std::span(&embedded, 1), Functions::polynomials, [&](NodeId id, const Values& values) {
            watches(id, values[id]);
            result.largest.push_back(largest_magnitude(values[id].front()));
        });
    result.logits = std::move(logits.front());
    result.intervals = watch.reports();
    return result;
}

}  // namespace polyformer::model
