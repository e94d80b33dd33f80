#include "polyformer/model/interpreter/interpreter.h"

#include "polyformer/model/graph/graph_shapes.h"
#include "polyformer/model/interpreter/interval_watch.h"
#include "polyformer/model/interpreter/operations.h"
#include "polyformer/model/interpreter/resumable_evaluation.h"

namespace polyformer::model {

namespace {

using Values = ResumableEvaluation::Values;

/// visit(id, values) after each node.
std::vector<Tensor> walk(const Graph& graph, std::span<const Tensor> embedded, Functions functions,
                         const ResumableEvaluation::Visit& visit) {
    ResumableEvaluation evaluation(graph, embedded, functions);
    evaluation.advance_to(graph.nodes.size(), visit);
    return evaluation.output();
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
