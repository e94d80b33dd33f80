#include "polyformer/model/interpreter/resumable_evaluation.h"

#include <utility>

#include "polyformer/model/graph/graph_shapes.h"
#include "polyformer/model/interpreter/linear_operation.h"
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

std::vector<Tensor> evaluate_node(const Node& node, const ResumableEvaluation::Values& earlier,
                                  std::span<const Tensor> embedded, Functions functions, Sums sums) {
    if (const auto* linear = std::get_if<Linear>(&node.operation)) {
        return apply_linear(*linear, earlier[linear->input], sums);
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

}  // namespace

ResumableEvaluation::ResumableEvaluation(const Graph& graph, std::span<const Tensor> embedded, Functions functions,
                                         Sums sums)
    : graph_(graph), embedded_(embedded), functions_(functions), sums_(sums), values_(graph.nodes.size()) {
    for (const Tensor& text : embedded) static_cast<void>(checked_shapes(graph, text));
}

void ResumableEvaluation::advance_to(NodeId node, const Visit& visit) {
    const std::vector<NodeId> last_reader = last_readers(graph_);
    for (; next_ < node; ++next_) {
        values_[next_] = evaluate_node(graph_.nodes[next_], values_, embedded_, functions_, sums_);
        if (visit) visit(next_, values_);
        for (const NodeId input : inputs_of(graph_.nodes[next_].operation)) {
            if (last_reader[input] == next_) values_[input] = {};  // its memory serves the next ones
        }
    }
}

std::vector<Tensor> ResumableEvaluation::output() const {
    ResumableEvaluation rest = *this;
    rest.advance_to(graph_.nodes.size());
    return std::move(rest.values_.back());
}

}  // namespace polyformer::model
