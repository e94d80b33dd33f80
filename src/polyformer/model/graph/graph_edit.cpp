#include "polyformer/model/graph/graph_edit.h"

#include <cstddef>
#include <variant>

namespace polyformer::model {

namespace {

/// Calls use(id) for each reference of an operation to an earlier node.
template <class Use>
void for_each_reference(Operation& operation, Use use) {
    std::visit(
        [&](auto& one) {
            if constexpr (requires { one.input; }) use(one.input);
            if constexpr (requires { one.left; }) use(one.left);
            if constexpr (requires { one.right; }) use(one.right);
            if constexpr (requires { one.query; }) use(one.query);
            if constexpr (requires { one.key; }) use(one.key);
            if constexpr (requires { one.scores; }) use(one.scores);
            if constexpr (requires { one.shift; }) use(one.shift);
            if constexpr (requires { one.value; }) use(one.value);
        },
        operation);
}

}  // namespace

void insert_nodes(Graph& graph, NodeId place, const std::vector<Node>& nodes) {
    for (NodeId later = place; later < graph.nodes.size(); ++later) {
        for_each_reference(graph.nodes[later].operation, [&](NodeId& id) { id += id >= place ? nodes.size() : 0; });
    }
    graph.nodes.insert(graph.nodes.begin() + static_cast<std::ptrdiff_t>(place), nodes.begin(), nodes.end());
}

}  // namespace polyformer::model
