// Range minimisation: what it costs when the inputs of non-polynomial functions leave their interval
// (arXiv 2311.08610, section 4.2).
#pragma once

#include <torch/torch.h>

#include <vector>

#include "polyformer/trainer/sites/sites.h"

namespace polyformer::train {

/// Σ over scores and pre-activations of (distance outside [lower, upper])², per token. `inputs` as
/// TransformerImpl::forward() records them; differentiable.
torch::Tensor range_penalty(const std::vector<Site>& sites, const std::vector<torch::Tensor>& inputs);

/// For the norms, in logarithms, since the scale of a variance is arbitrary: the mean over norms of the variance of
/// log(variance), which draws all tokens together, and Σ over norms of (distance outside [lower, upper])², per token,
/// which draws in the rare ones that decide the interval.
torch::Tensor variance_penalty(const std::vector<Site>& sites, const std::vector<torch::Tensor>& inputs);

/// The same distance outside for the rows of the embedding (V, C), positions (T, C) added on the average: they are what
/// the first norm reads, and every token counts alike here, for rare ones decide the interval but hardly ever come up.
/// `first_norm` is the first norm's site.
torch::Tensor embedding_penalty(const Site& first_norm, const torch::Tensor& tokens, const torch::Tensor& positions,
                                bool centred);

}  // namespace polyformer::train
