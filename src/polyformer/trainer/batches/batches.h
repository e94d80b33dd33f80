// Which tokens of a text a training step sees.
#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "polyformer/train/data/prepared_text.h"
#include "polyformer/trainer/batches/examples.h"

namespace polyformer::train {

/// Sequences of context + 1 tokens, cut from a text at an offset that changes with the epoch, in an order that does.
class Batches : public Examples {
  public:
    /// Throws Error when the text is too short for one batch of sequences. A share of the rows is made strange
    /// (batches/strange_inputs.h).
    Batches(PreparedText text, std::size_t context, std::size_t batch, std::uint64_t seed, double strange_share = 0);

    std::size_t steps_per_epoch() const override { return steps_per_epoch_; }
    /// Inputs are all but the last column of tokens(), targets all but the first; of strange rows none.
    Batch at(std::size_t step) override;
    const char* unit() const override { return "tokens"; }
    std::size_t units_per_batch() const override { return batch_ * context_; }
    /// (batch, context + 1) int64, all of the text.
    torch::Tensor tokens(std::size_t step);

  private:
    PreparedText text_;
    std::size_t context_;
    std::size_t batch_;
    std::uint64_t seed_;
    double strange_share_;
    std::size_t steps_per_epoch_;
    std::size_t epoch_ = SIZE_MAX;  // whose order `starts_` holds
    std::vector<std::size_t> starts_;
};

}  // namespace polyformer::train
