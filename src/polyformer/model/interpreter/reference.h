// The model before substitution: the graph with the functions that its polynomials stand for. A reference to compare
// with, nothing more; no back end can run it.
#pragma once

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/interpreter/interpreter.h"

namespace polyformer::model {

/// Logits (T, vocabulary) of the graph when every Apply uses the function named by its `replaces` (Functions::exact).
/// `embedded` is (T, width). Throws as evaluate_batch() does.
Tensor evaluate_exact(const Graph& graph, const Tensor& embedded);

}  // namespace polyformer::model
