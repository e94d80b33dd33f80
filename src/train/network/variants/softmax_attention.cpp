// softmax(QKᵀ/√d_k) over the keys that a query may see: the baseline.
#include <cmath>
#include <limits>

#include "train/network/variants/attention.h"

namespace polyformer::train {
namespace {

using torch::Tensor;

class SoftmaxAttention : public AttentionForm {
  public:
    explicit SoftmaxAttention(const Architecture& architecture)
        : head_width_(static_cast<double>(architecture.width / architecture.heads)) {}

    std::string function() const override { return "softmax"; }
    double score_scale() const override { return 1 / std::sqrt(head_width_); }
    Tensor length_scale(std::int64_t length, const torch::TensorOptions& options) const override {
        return torch::ones({length, 1}, options);
    }

    Tensor weights(const Tensor& scores, const Tensor& mask, SiteVisitor& site) const override {
        site.observe(scores);
        return torch::softmax(scores.masked_fill(mask == 0, -std::numeric_limits<float>::infinity()), -1);
    }

  private:
    double head_width_;
};

}  // namespace

std::unique_ptr<AttentionForm> make_softmax_attention(const Architecture& architecture) {
    return std::make_unique<SoftmaxAttention>(architecture);
}

}  // namespace polyformer::train
