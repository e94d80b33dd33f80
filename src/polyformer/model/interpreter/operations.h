// The arithmetic of single operations, in double precision: what the interpreter strings together.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/graph/graph_shapes.h"
#include "polyformer/model/interpreter/interpreter.h"

namespace polyformer::model {

/// Shapes of all nodes, after a look at the input's. Throws Error before anything could be read out of bounds.
std::vector<Shape> checked_shapes(const Graph& graph, const Tensor& embedded);

/// Σ c_k T_k(u), by Clenshaw's recurrence.
double evaluate_polynomial(const Polynomial& polynomial, double x);

/// The value of an earlier node.
using ValueOf = std::function<const Tensor&(NodeId)>;

/// One node's value from those of the nodes before it, of shapes that checked_shapes() let pass.
Tensor evaluate_operation(const Operation& operation, const ValueOf& value_of, const Tensor& embedded);

/// The function that the polynomial of `node` replaces, applied to each element; the polynomial itself where it
/// replaces nothing. Throws Error listing the names for an unknown one.
Tensor apply_exactly(const std::string& node, const Apply& apply, const Tensor& input);

/// The largest |value|; NaN when a value is.
double largest_magnitude(const Tensor& tensor);

}  // namespace polyformer::model
