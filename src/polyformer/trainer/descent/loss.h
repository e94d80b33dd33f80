// The loss of a network's predictions, without gradients.
#pragma once

#include <vector>

#include "polyformer/trainer/batches/examples.h"
#include "polyformer/trainer/network/network.h"

namespace polyformer::train {

/// Mean nats per prediction that is asked for: of strange rows none is (batches/strange_inputs.h).
double mean_loss(Network& model, const std::vector<Batch>& blocks);

}  // namespace polyformer::train
