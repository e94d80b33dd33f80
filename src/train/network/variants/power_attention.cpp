// x^p / Σ x^p over the keys that a query may see, p even: the numerator of Power-Softmax (arXiv 2410.09457) with its
// exact normalisation, for comparison.
#include <cmath>

#include "train/network/variants/attention.h"

namespace polyformer::train {
namespace {

using torch::Tensor;

class PowerAttention : public AttentionForm {
  public:
    explicit PowerAttention(const Architecture& architecture)
        : power_(static_cast<double>(architecture.attention.power)),
          head_width_(static_cast<double>(architecture.width / architecture.heads)) {}

    std::string function() const override { return "power"; }
    double score_scale() const override { return 1 / std::sqrt(head_width_); }
    Tensor length_scale(std::int64_t length, const torch::TensorOptions& options) const override {
        return torch::ones({length, 1}, options);
    }

    // Divided by the largest |score| first, which changes nothing but keeps powers within what a float holds.
    Tensor weights(const Tensor& scores, const Tensor& mask, SiteVisitor& site) const override {
        site.observe(scores);
        const Tensor seen = scores * mask;
        const Tensor powers = (seen / seen.detach().abs().amax(-1, true).clamp_min(1e-6)).pow(power_) * mask;
        return powers / powers.sum(-1, true).clamp_min(1e-6);
    }

  private:
    double power_;
    double head_width_;
};

}  // namespace

std::unique_ptr<AttentionForm> make_power_attention(const Architecture& architecture) {
    return std::make_unique<PowerAttention>(architecture);
}

}  // namespace polyformer::train
