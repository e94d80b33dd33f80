// What a head learns that a key is worth for its distance from the query alone: constants, by which encrypted inference
// multiplies at no cost, together with the mask.
#pragma once

#include <torch/torch.h>

#include <cstdint>

#include "polyformer/train/configuration/architecture.h"

namespace polyformer::train {

struct DistanceWeightsImpl : torch::nn::Module {
    /// Head h of H starts at exp(−2^(−8(h + 1)/H) · distance): from the last few keys to nearly all alike, the slopes
    /// of ALiBi (arXiv 2108.12409, section 3).
    DistanceWeightsImpl(std::int64_t heads, std::int64_t context);

    /// Logarithms of the weights, (H, T, T): [h, q, k] for the distance q − k, that of distance 0 where k > q.
    torch::Tensor forward(std::int64_t length) const;

    torch::Tensor logarithms;  ///< (H, context)
};
TORCH_MODULE(DistanceWeights);

/// A submodule of `form`, or an empty holder where the architecture weighs all keys alike.
DistanceWeights add_distance_weights(torch::nn::Module& form, const Architecture& architecture);

}  // namespace polyformer::train
