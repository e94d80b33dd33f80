// Range minimisation: what it costs when the inputs of non-polynomial functions leave their interval
// (arXiv 2311.08610, section 4.2).
#pragma once

#include <torch/torch.h>

#include <vector>

#include "train/network/sites.h"

namespace polyformer::train {

/// Σ over scores and pre-activations of (distance outside [lower, upper])², per token. `inputs` as
/// TransformerImpl::forward() records them; differentiable.
torch::Tensor range_penalty(const std::vector<Site>& sites, const std::vector<torch::Tensor>& inputs);

/// For the norms, in logarithms, since the scale of a variance is arbitrary: the mean over norms of the variance of
/// log(variance), which draws all tokens together, and Σ over norms of (distance outside [lower, upper])², per token,
/// which draws in the rare ones that decide the interval.
torch::Tensor variance_penalty(const std::vector<Site>& sites, const std::vector<torch::Tensor>& inputs);

}  // namespace polyformer::train
