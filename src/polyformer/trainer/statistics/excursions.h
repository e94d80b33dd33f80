// Where the inputs of polynomials fall.
#pragma once

#include <torch/torch.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "polyformer/trainer/network/network.h"

namespace polyformer::train {

/// Over these inputs of the network, its polynomials in place: {"outside_share", "worst_excursion", "worst_site"}, see
/// excursion().
nlohmann::ordered_json measure_excursions(Network& model, const std::vector<torch::Tensor>& inputs);

}  // namespace polyformer::train
