// What kind of operation a node is.
#pragma once

#include <variant>

#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

/// The node's operation if it is of this kind, else null.
template <class Operation>
const Operation* operation_of(const model::Graph& graph, model::NodeId id) {
    return std::get_if<Operation>(&graph.nodes[id].operation);
}

}  // namespace polyformer::compile
