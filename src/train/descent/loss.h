// What a network's predictions lose, apart from any gradient.
#pragma once

#include <vector>

#include "train/descent/examples.h"
#include "train/network/network.h"

namespace polyformer::train {

/// Mean nats per prediction.
double mean_loss(Network& model, const std::vector<Batch>& blocks);

}  // namespace polyformer::train
