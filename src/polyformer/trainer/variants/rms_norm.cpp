// x/√mean(x²) over each token's features: LayerNorm without its centring.
#include "polyformer/trainer/variants/norm.h"

namespace polyformer::train {
namespace {

struct RmsNorm : Norm {
    using Norm::Norm;
    bool has_site() const override { return true; }
    torch::Tensor forward(const torch::Tensor& x, SiteVisitor& site) override {
        const torch::Tensor mean_square = x.square().mean(-1, true);  // (B, T, 1)
        return torch::addcmul(bias, x * site.apply(mean_square), weight);
    }
};

}  // namespace

std::shared_ptr<Norm> make_rms_norm(std::int64_t width) {
    return std::make_shared<RmsNorm>(width);
}

}  // namespace polyformer::train
