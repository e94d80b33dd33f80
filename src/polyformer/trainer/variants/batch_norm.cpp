// Each feature normalised over the batch while training, by running statistics afterwards: then it is affine, and
// nothing is left for a polynomial to stand for.
#include "polyformer/trainer/variants/norm.h"

namespace polyformer::train {
namespace {

constexpr double epsilon = 1e-5;
constexpr double momentum = 0.1;

struct BatchNorm : Norm {
    explicit BatchNorm(std::int64_t width)
        : Norm(width),
          mean(register_buffer("mean", torch::zeros({width}))),
          variance(register_buffer("variance", torch::ones({width}))) {}

    bool has_site() const override { return false; }
    torch::Tensor scale() const override { return weight * (variance + epsilon).rsqrt(); }
    torch::Tensor shift() const override { return bias - mean * scale(); }

    torch::Tensor forward(const torch::Tensor& x, SiteVisitor& /*site*/) override {
        return torch::batch_norm(x.flatten(0, 1), weight, bias, mean, variance, is_training(), momentum, epsilon,
                                 /*cudnn_enabled=*/false)
            .view(x.sizes());
    }

    torch::Tensor mean;
    torch::Tensor variance;
};

}  // namespace

std::shared_ptr<Norm> make_batch_norm(std::int64_t width) {
    return std::make_shared<BatchNorm>(width);
}

}  // namespace polyformer::train
