// The arithmetic of single operations, in double precision: what the interpreter strings together.
#pragma once

#include <span>

#include "model/graph.h"
#include "model/interpreter.h"

namespace polyformer::model {

/// Σ c_k T_k(u), by Clenshaw's recurrence.
double evaluate_polynomial(const Polynomial& polynomial, double x);

/// One node's value from those of the nodes before it. The graph must be sound (validate()).
Tensor evaluate_operation(const Operation& operation, std::span<const Tensor> earlier, const Tensor& embedded);

/// The largest |value|; NaN when a value is.
double largest_magnitude(const Tensor& tensor);

}  // namespace polyformer::model
