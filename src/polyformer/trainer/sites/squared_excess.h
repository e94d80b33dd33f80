// What range minimisation computes of every score and pre-activation in every update: one pass over them each way,
// where autograd would make a dozen.
#pragma once

#include <torch/torch.h>

namespace polyformer::train {

/// Σ (x − clamp(x, lower, upper))², in single precision whatever x has; differentiable with respect to x.
torch::Tensor squared_excess(const torch::Tensor& x, double lower, double upper);

}  // namespace polyformer::train
