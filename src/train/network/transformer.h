// The decoder-only transformer, every non-polynomial function at a named site where a polynomial can take its place.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <string>
#include <vector>

#include "train/architecture.h"
#include "train/network/sites.h"
#include "train/network/variants/attention.h"
#include "train/network/variants/norm.h"

namespace polyformer::train {

struct LayerImpl : torch::nn::Module {
    explicit LayerImpl(const Architecture& architecture);
    std::shared_ptr<Norm> attention_norm, feed_forward_norm;
    std::shared_ptr<AttentionForm> attention;
    torch::nn::Linear query_key_value{nullptr};  ///< (3·width, width): queries, keys and values in this order
    torch::nn::Linear output{nullptr}, up{nullptr}, down{nullptr};
};
TORCH_MODULE(Layer);

struct TransformerImpl : torch::nn::Module {
    /// Weights drawn from LibTorch's default generator: seed it first.
    explicit TransformerImpl(const Architecture& architecture);

    /// tokens (B, T), T ≤ context → logits (B, T, vocabulary). Into `site_inputs`, when given, goes what entered each
    /// site, in the order of `sites`. Throws Error for more tokens than the context.
    torch::Tensor forward(const torch::Tensor& tokens, std::vector<torch::Tensor>* site_inputs = nullptr);

    Architecture architecture;
    double dropout = 0;       ///< of the embeddings and of what each block adds, while training
    bool polynomials = true;  ///< false: the exact functions, though sites have polynomials
    std::vector<Site> sites;
    torch::nn::Embedding tokens{nullptr}, positions{nullptr};
    std::vector<Layer> layers;
    std::shared_ptr<Norm> final_norm;
    torch::Tensor mask;  ///< (T, T): 1 where key ≤ query
};
TORCH_MODULE(Transformer);

/// Whether any site has a polynomial.
bool substituted(const Transformer& model);

}  // namespace polyformer::train
