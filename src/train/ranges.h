// Range minimisation: what it costs when the inputs of non-polynomial functions leave their interval, and how they lie.
#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <string>
#include <vector>

#include "train/transformer.h"

namespace polyformer::train {

/// Σ over sites and their elements of (distance outside [lower, upper])², per token; variances, whose scale is
/// arbitrary, in logarithms. `inputs` as TransformerImpl::forward() records them; differentiable.
torch::Tensor range_penalty(const std::vector<Site>& sites, const std::vector<torch::Tensor>& inputs);

/// Mean over the LayerNorms of the variance of log(variance): zero when every token's is alike.
torch::Tensor variance_penalty(const std::vector<Site>& sites, const std::vector<torch::Tensor>& inputs);

/// What one site has seen so far.
struct SeenRange {
    double smallest = 0;
    double largest = 0;
    double mean_log = 0;  ///< of the logarithm, for variances: exp() of it is their geometric mean
    double values = 0;
    double outside = 0;  ///< values outside [lower, upper] of the site
};

/// Collects the ranges at every site over many batches.
class RangeTable {
  public:
    void add(const std::vector<Site>& sites, const std::vector<torch::Tensor>& inputs);
    const std::vector<SeenRange>& rows() const { return rows_; }
    /// A line a site: name, wanted interval, seen interval, share outside.
    std::string text(const std::vector<Site>& sites) const;

  private:
    std::vector<SeenRange> rows_;
};

}  // namespace polyformer::train
