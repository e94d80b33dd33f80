// Polynomials of tensors, for training with them in place.
#pragma once

#include <torch/torch.h>

#include "polyformer/model/graph/graph.h"

namespace polyformer::train {

/// The polynomial at each element; differentiable once. On CPU one pass over memory for the value and one for the
/// gradient, by instructions that the processor has; elsewhere Clenshaw's recurrence on whole tensors.
torch::Tensor evaluate_polynomial(const model::Polynomial& polynomial, const torch::Tensor& x);

}  // namespace polyformer::train
