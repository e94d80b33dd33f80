// An encoder whose norms lie behind the sums (BERT and its kin), to be trained on from a checkpoint's weights: the same
// function as the graph that `polyformer import` makes of it.
#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "polyformer/model/families/encoder_checkpoint.h"
#include "polyformer/trainer/network/network.h"

namespace polyformer::train {

/// What stands in a batch of texts (B, T) behind a text's last token.
inline constexpr std::int64_t kNoToken = -1;

struct EncoderLayerImpl : torch::nn::Module {
    /// `attention_function` as EncoderShape has it. A shift that the weights lack is 0.
    EncoderLayerImpl(const model::EncoderShape& shape, const model::EncoderLayer& weights,
                     const std::string& attention_function);

    torch::nn::Linear query{nullptr}, key{nullptr}, value{nullptr}, output{nullptr}, up{nullptr}, down{nullptr};
    torch::nn::Linear shift{nullptr};  ///< of pointwise attention only: (heads, width)
    torch::nn::LayerNorm attention_norm{nullptr}, feed_forward_norm{nullptr};
};
TORCH_MODULE(EncoderLayer);

/// What an encoder makes of a batch.
struct EncoderValues {
    torch::Tensor seen;                   ///< (B, T) of truth values: where there are tokens
    torch::Tensor embedded;               ///< (B, T, C), what the first layer reads
    std::vector<torch::Tensor> attended;  ///< a layer each, (B, T, C): what attention adds to the stream
    std::vector<torch::Tensor> hidden;    ///< a layer each, (B, T, C): what the next one reads
    torch::Tensor embedding;              ///< (B, C): the texts' vectors, without maps behind the pooling
};

/// Tokens' and positions' embeddings and their norm, which the client computes, are no parameters.
class EncoderImpl : public Network {
  public:
    /// `attention`: "softmax", or one of model::pointwise_functions. Throws Error for an activation that LibTorch's
    /// part does not have.
    EncoderImpl(std::shared_ptr<const model::EncoderCheckpoint> checkpoint, const std::string& attention);

    /// ids (B, T), kNoToken behind each text's last → vectors (B, C). Padding plays no part in what is recorded of
    /// sites: it counts as 0 in scores, other sites have (1, N, ...) for N tokens.
    torch::Tensor forward(const torch::Tensor& ids, std::vector<torch::Tensor>* site_inputs = nullptr) override;
    std::size_t depth() const override { return layers.size(); }
    std::string obstacle() const override { return {}; }

    EncoderValues values(const torch::Tensor& ids, std::vector<torch::Tensor>* site_inputs = nullptr);
    /// QKᵀ/√d_k of a layer that reads x (B, T, C): (B, H, T, T).
    torch::Tensor scores(std::size_t layer, const torch::Tensor& x);

    /// As write_encoder() takes them.
    model::EncoderShape shape() const;
    model::EncoderWeights weights() const;

    std::vector<EncoderLayer> layers;

  protected:
    const model::EncoderCheckpoint& checkpoint() const { return *checkpoint_; }

  private:
    torch::Tensor embed(const torch::Tensor& ids);
    torch::Tensor split_heads(const torch::Tensor& x) const;
    torch::Tensor attend(std::size_t layer, const torch::Tensor& x, const torch::Tensor& seen,
                         std::vector<torch::Tensor>* site_inputs);

    std::shared_ptr<const model::EncoderCheckpoint> checkpoint_;
    std::string attention_function_;  // empty: softmax
    torch::Tensor tokens_, positions_, gamma_, beta_;
};

}  // namespace polyformer::train
