// Range minimisation: what it costs when the inputs of non-polynomial functions leave their interval
// (arXiv 2311.08610, section 4.2).
#pragma once

#include <torch/torch.h>

#include <vector>

#include "train/network/sites.h"

namespace polyformer::train {

/// Σ over sites and their elements of (distance outside [lower, upper])², per token; variances, whose scale is
/// arbitrary, in logarithms. `inputs` as TransformerImpl::forward() records them; differentiable.
torch::Tensor range_penalty(const std::vector<Site>& sites, const std::vector<torch::Tensor>& inputs);

/// Mean over the norms of the variance of log(variance): zero when every token's is alike.
torch::Tensor variance_penalty(const std::vector<Site>& sites, const std::vector<torch::Tensor>& inputs);

}  // namespace polyformer::train
