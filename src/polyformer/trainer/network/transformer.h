// The decoder-only transformer, every non-polynomial function at a named site where a polynomial can take its place.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <string>
#include <vector>

#include "polyformer/train/configuration/architecture.h"
#include "polyformer/trainer/network/network.h"
#include "polyformer/trainer/variants/attention.h"
#include "polyformer/trainer/variants/norm.h"

namespace polyformer::train {

struct LayerImpl : torch::nn::Module {
    explicit LayerImpl(const Architecture& architecture);
    std::shared_ptr<Norm> attention_norm, feed_forward_norm;
    std::shared_ptr<AttentionForm> attention;
    torch::nn::Linear query_key_value{nullptr};  ///< (3·width, width): queries, keys and values in this order
    torch::nn::Linear output{nullptr}, up{nullptr}, down{nullptr};
};
TORCH_MODULE(Layer);

struct TransformerImpl : Network {
    /// Weights drawn from LibTorch's default generator: seed it first.
    explicit TransformerImpl(const Architecture& architecture);

    /// tokens (B, T), T ≤ context → logits (B, T, vocabulary). Throws Error for more tokens than the context.
    torch::Tensor forward(const torch::Tensor& tokens, std::vector<torch::Tensor>* site_inputs = nullptr) override;
    std::size_t depth() const override { return layers.size(); }
    std::string obstacle() const override { return obstacle_to_substitution(architecture.attention); }
    /// Of every row of the embedding, see embedding_penalty().
    torch::Tensor weights_penalty() const override;

    Architecture architecture;
    torch::nn::Embedding tokens{nullptr}, positions{nullptr};
    std::vector<Layer> layers;
    std::shared_ptr<Norm> final_norm;
    torch::Tensor mask;  ///< (T, T): 1 where key ≤ query
};
TORCH_MODULE(Transformer);

}  // namespace polyformer::train
