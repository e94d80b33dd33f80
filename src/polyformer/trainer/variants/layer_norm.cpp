// (x − mean)/√variance over each token's features. No ε: range minimisation keeps variances away from 0, and 1/√v is
// what the polynomial replaces.
#include "polyformer/trainer/variants/norm.h"

namespace polyformer::train {
namespace {

struct LayerNorm : Norm {
    using Norm::Norm;
    bool has_site() const override { return true; }
    torch::Tensor forward(const torch::Tensor& x, SiteVisitor& site) override {
        const torch::Tensor centred = x - x.mean(-1, true);
        const torch::Tensor variance = centred.square().mean(-1, true);  // (B, T, 1)
        return torch::addcmul(bias, centred * site.apply(variance), weight);
    }
};

}  // namespace

std::shared_ptr<Norm> make_layer_norm(std::int64_t width) {
    return std::make_shared<LayerNorm>(width);
}

}  // namespace polyformer::train
