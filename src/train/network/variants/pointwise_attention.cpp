// M ⊙ σ(QKᵀ/√d_k · before) · after, elementwise: what homomorphic encryption can compute once σ is a polynomial
// (arXiv 2311.08610, section 4.1).
#include <cmath>

#include "train/network/variants/attention.h"

namespace polyformer::train {
namespace {

using torch::Tensor;

class PointwiseAttention : public AttentionForm {
  public:
    explicit PointwiseAttention(const Architecture& architecture)
        : attention_(architecture.attention),
          context_(static_cast<double>(architecture.context)),
          head_width_(static_cast<double>(architecture.width / architecture.heads)) {}

    std::string function() const override { return attention_.function; }

    double score_scale() const override {
        return length_factor(attention_.scale_before, context_) / std::sqrt(head_width_);
    }

    Tensor length_scale(std::int64_t length, const torch::TensorOptions& options) const override {
        if (attention_.length == "context" || attention_.scale_after == "1") {
            return torch::full({length, 1}, length_factor(attention_.scale_after, context_), options);
        }
        const Tensor keys = torch::arange(1, length + 1, options).unsqueeze(1);
        return attention_.scale_after == "1/L" ? keys.reciprocal() : keys.rsqrt();
    }

    // The mask comes after σ: no polynomial makes −∞ vanish.
    Tensor weights(const Tensor& scores, const Tensor& mask, SiteVisitor& site) const override {
        return site.apply(scores) * (mask * length_scale(scores.size(-1), mask.options()));
    }

  private:
    Attention attention_;
    double context_;
    double head_width_;
};

}  // namespace

std::unique_ptr<AttentionForm> make_pointwise_attention(const Architecture& architecture) {
    return std::make_unique<PointwiseAttention>(architecture);
}

}  // namespace polyformer::train
