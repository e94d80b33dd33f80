#include "polyformer/trainer/conversion/export_parts.h"

#include "polyformer/support/error.h"

namespace polyformer::train {

using torch::Tensor;

std::vector<float> floats_of(const Tensor& tensor) {
    const Tensor flat = tensor.detach().to(torch::kCPU, torch::kFloat32).contiguous();
    return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

model::Matrix matrix_of(const Tensor& tensor) {
    return {static_cast<std::size_t>(tensor.size(0)), static_cast<std::size_t>(tensor.size(1)), floats_of(tensor)};
}

model::LinearWeights linear_of(const Tensor& weight, const Tensor& bias) {
    return {matrix_of(weight.t()), floats_of(bias)};
}

model::NormWeights norm_of(const Norm& norm) {
    return {floats_of(norm.scale()), floats_of(norm.shift())};
}

std::map<std::string, model::Polynomial> polynomials_of(const Network& model) {
    std::map<std::string, model::Polynomial> by_name;
    for (const Site& site : model.sites) {
        require(site.polynomial.has_value(), "{} has no polynomial yet: convert the model first", site.name);
        by_name[site.name] = *site.polynomial;
    }
    return by_name;
}

}  // namespace polyformer::train
