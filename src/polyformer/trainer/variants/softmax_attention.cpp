// softmax(QKᵀ/√d_k) over the keys that a query may see: the baseline.
#include <cmath>
#include <limits>

#include "polyformer/trainer/variants/attention.h"
#include "polyformer/trainer/variants/distance_weights.h"

namespace polyformer::train {
namespace {

using torch::Tensor;

class SoftmaxAttention : public AttentionForm {
  public:
    explicit SoftmaxAttention(const Architecture& architecture)
        : head_width_(static_cast<double>(architecture.width / architecture.heads)) {
        distance_ = add_distance_weights(*this, architecture);
    }

    std::string function() const override { return "softmax"; }
    double score_scale() const override { return 1 / std::sqrt(head_width_); }

    Tensor weights(const Tensor& scores, const Tensor& mask, SiteVisitor& site) override {
        site.observe(scores);
        const Tensor weighed = distance_.is_empty() ? scores : scores + distance_->forward(mask.size(-1));
        return torch::softmax(weighed.masked_fill(mask.unsqueeze(-3) == 0, -std::numeric_limits<float>::infinity()),
                              -1);
    }

  private:
    double head_width_;
    DistanceWeights distance_{nullptr};
};

}  // namespace

std::shared_ptr<AttentionForm> make_softmax_attention(const Architecture& architecture) {
    return std::make_shared<SoftmaxAttention>(architecture);
}

}  // namespace polyformer::train
