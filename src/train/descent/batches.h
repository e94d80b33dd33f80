// Which tokens a training step sees: a pure function of the seed and the step, so that a resumed run goes on exactly.
#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "train/data/prepared_text.h"

namespace polyformer::train {

/// A value that looks random and depends on both arguments (SplitMix64).
std::uint64_t mix(std::uint64_t seed, std::uint64_t salt);

/// Sequences of context + 1 tokens, cut from a text at an offset that changes with the epoch, in an order that does.
class Batches {
  public:
    /// Throws Error when the text is too short for one batch of sequences.
    Batches(PreparedText text, std::size_t context, std::size_t batch, std::uint64_t seed);

    std::size_t steps_per_epoch() const { return steps_per_epoch_; }
    /// (batch, context + 1) int64: inputs are all but the last column, targets all but the first.
    torch::Tensor at(std::size_t step);

  private:
    PreparedText text_;
    std::size_t context_;
    std::size_t batch_;
    std::uint64_t seed_;
    std::size_t steps_per_epoch_;
    std::size_t epoch_ = SIZE_MAX;  // whose order `starts_` holds
    std::vector<std::size_t> starts_;
};

}  // namespace polyformer::train
