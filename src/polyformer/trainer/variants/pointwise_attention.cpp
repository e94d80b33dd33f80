// M ⊙ σ(QKᵀ/√d_k · before) · after, elementwise: what homomorphic encryption can compute once σ is a polynomial
// (arXiv 2311.08610, section 4.1).
#include <cmath>
#include <vector>

#include "polyformer/trainer/variants/attention.h"
#include "polyformer/trainer/variants/distance_weights.h"

namespace polyformer::train {
namespace {

using torch::Tensor;

class PointwiseAttention : public AttentionForm {
  public:
    explicit PointwiseAttention(const Architecture& architecture)
        : attention_(architecture.attention),
          context_(static_cast<std::int64_t>(architecture.context)),
          heads_(static_cast<std::int64_t>(architecture.heads)),
          head_width_(static_cast<double>(architecture.width / architecture.heads)) {
        distance_ = add_distance_weights(*this, architecture);
        if (!distance_.is_empty()) gain_ = register_parameter("gain", initial_gain());
    }

    std::string function() const override { return attention_.function; }

    double score_scale() const override {
        return length_factor(attention_.scale_before, static_cast<double>(context_)) / std::sqrt(head_width_);
    }

    // The mask comes after σ: no polynomial makes −∞ vanish. In mixed precision it is rounded as the product would be;
    // a product in single precision would take twice the time, and be rounded all the same.
    Tensor weights(const Tensor& scores, const Tensor& mask, SiteVisitor& site) override {
        const Tensor shares = site.apply(scores);
        return shares * weighted_mask(mask).to(shares.scalar_type());
    }

    Tensor weighted_mask(const Tensor& mask) const override {
        const std::int64_t length = mask.size(-1);
        if (distance_.is_empty()) {
            std::vector<std::int64_t> sizes = mask.sizes().vec();
            sizes.insert(sizes.end() - 2, heads_);
            return (mask * length_scale(mask)).unsqueeze(-3).expand(sizes);
        }
        const Tensor gain = gain_.slice(1, 0, length).unsqueeze(2);  // (H, T, 1)
        return (distance_->forward(length) + gain).exp() * mask;
    }

  private:
    /// 1/S(L) for the keys that each query sees, (..., T, 1).
    Tensor length_scale(const Tensor& mask) const {
        const Tensor seen = mask.sum(-1, true);
        const Tensor keys = attention_.length == "context" ? torch::full_like(seen, context_) : seen;
        if (attention_.scale_after == "1") return torch::ones_like(keys);
        return attention_.scale_after == "1/L" ? keys.reciprocal() : keys.rsqrt();
    }

    /// log 1/S(L), L being the sum of the weights of the keys seen: (H, context).
    Tensor initial_gain() const {
        const Tensor keys = distance_->logarithms.detach().exp().cumsum(1);
        if (attention_.scale_after == "1") return torch::zeros_like(keys);
        return attention_.scale_after == "1/L" ? -keys.log() : -keys.log() / 2;
    }

    Attention attention_;
    std::int64_t context_;
    std::int64_t heads_;
    double head_width_;
    DistanceWeights distance_{nullptr};
    Tensor gain_;
};

}  // namespace

std::shared_ptr<AttentionForm> make_pointwise_attention(const Architecture& architecture) {
    return std::make_shared<PointwiseAttention>(architecture);
}

}  // namespace polyformer::train
