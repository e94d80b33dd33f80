// Linear maps of many texts at once.
#pragma once

#include <span>
#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/model/interpreter/resumable_evaluation.h"

namespace polyformer::model {

/// One output (T, C_out) for each input (T, C_in); the weights are fetched once for all of them.
std::vector<Tensor> apply_linear(const Linear& linear, std::span<const Tensor> inputs, Sums sums);

}  // namespace polyformer::model
