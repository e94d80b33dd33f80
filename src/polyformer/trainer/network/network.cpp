#include "polyformer/trainer/network/network.h"

#include <algorithm>

namespace polyformer::train {

bool substituted(const Network& network) {
    return std::any_of(network.sites.begin(), network.sites.end(),
                       [](const Site& site) { return site.polynomial.has_value(); });
}

torch::Tensor Network::loss(const torch::Tensor& input, const torch::Tensor& target,
                            std::vector<torch::Tensor>* site_inputs) {
    return cross_entropy(forward(input, site_inputs), target);
}

torch::Tensor cross_entropy(const torch::Tensor& logits, const torch::Tensor& targets,
                            torch::nn::CrossEntropyLossOptions::reduction_t reduction) {
    const torch::Tensor rows = logits.flatten(0, -2).to(torch::kFloat32);
    const torch::Tensor wanted = targets.dim() == logits.dim() ? targets.flatten(0, -2) : targets.flatten();
    return torch::nn::functional::cross_entropy(
        rows, wanted, torch::nn::functional::CrossEntropyFuncOptions().reduction(std::move(reduction)));
}

}  // namespace polyformer::train
