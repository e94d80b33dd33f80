#include "polyformer/trainer/variants/distance_weights.h"

#include <cmath>

namespace polyformer::train {

DistanceWeightsImpl::DistanceWeightsImpl(std::int64_t heads, std::int64_t context) {
    const torch::Tensor slopes = torch::exp2(-8.0 / static_cast<double>(heads) * torch::arange(1, heads + 1));
    logarithms = register_parameter("logarithms", -slopes.unsqueeze(1) * torch::arange(context));
}

torch::Tensor DistanceWeightsImpl::forward(std::int64_t length) const {
    const torch::Tensor position = torch::arange(length, logarithms.device());
    const torch::Tensor distance = (position.unsqueeze(1) - position).clamp_min(0);  // (T, T)
    return logarithms.index_select(1, distance.flatten()).view({logarithms.size(0), length, length});
}

DistanceWeights add_distance_weights(torch::nn::Module& form, const Architecture& architecture) {
    if (architecture.attention.key_weights != "by_distance") return nullptr;
    return form.register_module("distance", DistanceWeights(static_cast<std::int64_t>(architecture.heads),
                                                            static_cast<std::int64_t>(architecture.context)));
}

}  // namespace polyformer::train
