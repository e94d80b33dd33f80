// Initial weights of transformers.
#pragma once

#include <torch/torch.h>

#include <cstddef>

#include "polyformer/train/configuration/architecture.h"

namespace polyformer::train {

/// Normal weights of deviation gain/√C_in, no bias.
void initialise(const torch::nn::Linear& linear, double gain);

/// For the maps that write the residual stream: later layers add less, so that it starts with a variance that does not
/// grow with depth.
double residual_stream_gain(std::size_t layers);

/// Equal biases of queries and keys put the scores of pointwise attention around attention.initial_score, where σ is
/// neither flat nor 0: attention begins as a mean over the keys, as softmax does. Around 0 a GELU or a ReLU lets hardly
/// anything through.
void initialise_scores(const torch::nn::Linear& query_key_value, std::size_t heads, const Attention& attention);

}  // namespace polyformer::train
