// The loss of a network's predictions, without gradients.
#pragma once

#include <vector>

#include "polyformer/trainer/batches/examples.h"
#include "polyformer/trainer/network/network.h"

namespace polyformer::train {

/// Mean nats per prediction.
double mean_loss(Network& model, const std::vector<Batch>& blocks);

}  // namespace polyformer::train
