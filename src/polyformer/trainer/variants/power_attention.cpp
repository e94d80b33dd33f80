// x^p / Σ x^p over the keys that a query may see, p even: the numerator of Power-Softmax (arXiv 2410.09457) with its
// exact normalisation, for comparison.
#include <cmath>

#include "polyformer/trainer/variants/attention.h"
#include "polyformer/trainer/variants/distance_weights.h"

namespace polyformer::train {
namespace {

using torch::Tensor;

class PowerAttention : public AttentionForm {
  public:
    explicit PowerAttention(const Architecture& architecture)
        : power_(static_cast<double>(architecture.attention.power)),
          head_width_(static_cast<double>(architecture.width / architecture.heads)) {
        distance_ = add_distance_weights(*this, architecture);
    }

    std::string function() const override { return "power"; }
    double score_scale() const override { return 1 / std::sqrt(head_width_); }

    // Divided by the largest |score| first, which changes nothing but keeps powers within what a float holds.
    Tensor weights(const Tensor& scores, const Tensor& mask, SiteVisitor& site) override {
        site.observe(scores);
        const Tensor of_heads = mask.unsqueeze(-3);
        const Tensor seen = scores * of_heads;
        const Tensor weighing = distance_.is_empty() ? of_heads : of_heads * distance_->forward(mask.size(-1)).exp();
        const Tensor powers = (seen / seen.detach().abs().amax(-1, true).clamp_min(1e-6)).pow(power_) * weighing;
        return powers / powers.sum(-1, true).clamp_min(1e-6);
    }

  private:
    double power_;
    double head_width_;
    DistanceWeights distance_{nullptr};
};

}  // namespace

std::shared_ptr<AttentionForm> make_power_attention(const Architecture& architecture) {
    return std::make_shared<PowerAttention>(architecture);
}

}  // namespace polyformer::train
