// The HE-friendly decoder-only transformer: pointwise scaled attention, LayerNorm, GELU, every non-polynomial function
// at a named site where a polynomial can take its place.
#pragma once

#include <torch/torch.h>

#include <optional>
#include <string>
#include <vector>

#include "model/graph.h"
#include "train/config.h"

namespace polyformer::train {

/// The functions that encrypted inference has no operation for.
enum class SiteKind {
    scores,    ///< σ = GELU of the attention scores
    hidden,    ///< GELU of the feed-forward pre-activations
    variance,  ///< 1/√v of a LayerNorm's variance
};

/// One place where such a function is applied.
struct Site {
    std::string name;  ///< as the graph's node, such as "layers.0.attention.activation"
    SiteKind kind = SiteKind::hidden;
    double lower = 0;  ///< where its inputs should lie
    double upper = 0;
    std::optional<model::Polynomial> polynomial;  ///< stands in for the function once set
};

struct LayerImpl : torch::nn::Module {
    explicit LayerImpl(const Architecture& architecture);
    torch::nn::LayerNorm attention_norm{nullptr}, feed_forward_norm{nullptr};
    torch::nn::Linear query_key_value{nullptr};  ///< (3·width, width): queries, keys and values in this order
    torch::nn::Linear output{nullptr}, up{nullptr}, down{nullptr};
};
TORCH_MODULE(Layer);

/// The transformer. LayerNorms have no ε: range minimisation keeps variances away from 0, and 1/√v is what the
/// polynomial stands for.
struct TransformerImpl : torch::nn::Module {
    /// Weights drawn from LibTorch's default generator: seed it first.
    explicit TransformerImpl(const Architecture& architecture);

    /// tokens (B, T), T ≤ context → logits (B, T, vocabulary). Into `site_inputs`, when given, goes what entered each
    /// site, in the order of `sites`: scores (B, H, T, T) unmasked, pre-activations (B, T, F), variances (B, T, 1).
    torch::Tensor forward(const torch::Tensor& tokens, std::vector<torch::Tensor>* site_inputs = nullptr);

    Architecture architecture;
    double dropout = 0;  ///< of the embeddings and of what each block adds, while training
    std::vector<Site> sites;
    torch::nn::Embedding tokens{nullptr}, positions{nullptr};
    std::vector<Layer> layers;
    torch::nn::LayerNorm final_norm{nullptr};
    torch::Tensor mask;          ///< (T, T): 1 where key ≤ query
    torch::Tensor length_scale;  ///< (T, 1): 1/S(L) of each query
};
TORCH_MODULE(Transformer);

/// The polynomial at each element, by Clenshaw's recurrence; differentiable.
torch::Tensor evaluate_polynomial(const model::Polynomial& polynomial, const torch::Tensor& x);

}  // namespace polyformer::train
