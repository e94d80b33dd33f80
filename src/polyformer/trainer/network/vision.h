// The vision transformer of VisionArchitecture: convolutional patches, stages of layers over windows, a mean over
// tokens.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <vector>

#include "polyformer/train/configuration/vision_architecture.h"
#include "polyformer/trainer/network/network.h"
#include "polyformer/trainer/variants/attention.h"
#include "polyformer/trainer/variants/norm.h"

namespace polyformer::train {

/// The part of a vision layer's shape that its stage and its place there settle.
struct WindowShape {
    std::int64_t rows = 0;  ///< of the grid of patches
    std::int64_t columns = 0;
    std::int64_t height = 0;  ///< of a window; the grid's where there are none
    std::int64_t width = 0;
    std::int64_t shift = 0;  ///< by which the windows are moved, cyclically

    std::int64_t windows() const { return rows / height * (columns / width); }
    std::int64_t tokens() const { return height * width; }  ///< of a window
};

/// x + output(attention(norm(x))), then x + down(σ(hidden_norm(up(norm(x))))), x (B, h, w, C). With a convolution on
/// the residual stream x + local_norm(local(x)) comes first; with one on the pre-activations h = up(norm(x)) is
/// replaced by h + local(h).
struct VisionLayerImpl : torch::nn::Module {
    VisionLayerImpl(const VisionArchitecture& architecture, const VisionStage& stage, const WindowShape& shape);
    torch::Tensor forward(torch::Tensor x, SiteVisitor& site, double dropout);

    /// The mask of all windows' scores, before and after the attention's own weights: (windows, W, W).
    torch::Tensor mask;
    WindowShape shape;
    std::int64_t heads;
    torch::nn::Conv2d local{nullptr};
    bool local_is_hidden = false;
    std::shared_ptr<Norm> local_norm, attention_norm, feed_forward_norm, hidden_norm;  ///< or null
    std::shared_ptr<AttentionForm> attention;
    torch::nn::Linear query_key_value{nullptr};  ///< (3·width, width): queries, keys and values in this order
    torch::nn::BatchNorm2d score_norm{nullptr};
    torch::Tensor relative_positions;  ///< ((2·height − 1)·(2·width − 1), heads); or undefined
    torch::Tensor relative_index;      ///< (W·W): row of the table for each query and key
    torch::nn::Linear output{nullptr}, up{nullptr}, down{nullptr};

    /// (H, W, W): what relative positions add to the scores. Undefined without them.
    torch::Tensor score_bias() const;

  private:
    torch::Tensor attend(const torch::Tensor& x, SiteVisitor& site);
};
TORCH_MODULE(VisionLayer);

struct VisionNetworkImpl : Network {
    /// Weights drawn from LibTorch's default generator: seed it first. Throws Error as check() does.
    explicit VisionNetworkImpl(const VisionArchitecture& architecture);

    /// Normalised images (B, 3, height, width) → logits (B, classes).
    torch::Tensor forward(const torch::Tensor& images, std::vector<torch::Tensor>* site_inputs = nullptr) override;
    std::size_t depth() const override { return layers.size(); }
    std::string obstacle() const override;

    VisionArchitecture architecture;
    torch::nn::Conv2d patches{nullptr};
    torch::Tensor positions;                         ///< (h, w, width) of the first grid; or undefined
    std::vector<VisionLayer> layers;                 ///< of all stages
    std::vector<std::shared_ptr<Norm>> merge_norms;  ///< a stage each but the first
    std::vector<torch::nn::Linear> merges;
    std::shared_ptr<Norm> final_norm;
    torch::nn::Linear classes{nullptr};
};
TORCH_MODULE(VisionNetwork);

}  // namespace polyformer::train
