// The places where a network applies a function that encrypted inference has no operation for.
#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "polyformer/model/graph/graph.h"

namespace polyformer::train {

enum class SiteKind {
    scores,    ///< attention scores, (B, H, T, T), unmasked
    hidden,    ///< feed-forward pre-activations, (B, T, F)
    variance,  ///< what a norm divides by the root of, (B, T, 1)
};

/// "scores", "hidden" or "variance".
const char* name_of(SiteKind kind);

/// One such place.
struct Site {
    std::string name;  ///< as the graph's node, such as "layers.0.attention.activation"
    SiteKind kind = SiteKind::hidden;
    std::string function;  ///< as apply_function() knows it, or a form of attention that has no pointwise function
    double lower = 0;      ///< where its inputs should lie
    double upper = 0;
    std::optional<model::Polynomial> polynomial = std::nullopt;  ///< stands in for the function once set
};

/// "gelu", "gelu_tanh", "relu", "squared_relu", "sigmoid", "silu", "square", "tanh" or "inverse_sqrt" of each element.
/// Throws Error for another name.
torch::Tensor apply_function(const std::string& name, const torch::Tensor& x);

/// Walks along the sites as the forward pass reaches them, in order.
class SiteVisitor {
  public:
    /// `inputs`, when given, gets what entered each site. `clamped` evaluates every polynomial at the nearest point of
    /// its interval: while training, one value outside would otherwise end the run before the range penalty, which sees
    /// the value itself, can bring it back.
    SiteVisitor(const std::vector<Site>& sites, bool polynomials, bool clamped, std::vector<torch::Tensor>* inputs);

    /// The next site's polynomial, or its function where it has none or polynomials are off.
    torch::Tensor apply(const torch::Tensor& x);
    /// Passes a site whose function the caller computes.
    void observe(const torch::Tensor& x);

  private:
    const Site& next(const torch::Tensor& x);

    const std::vector<Site>& sites_;
    bool polynomials_;
    bool clamped_;
    std::vector<torch::Tensor>* inputs_;
    std::size_t next_ = 0;
};

}  // namespace polyformer::train
