// Which texts a step of distillation sees.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "polyformer/train/data/prepared_text.h"
#include "polyformer/trainer/batches/examples.h"

namespace polyformer::train {

/// Texts of any lengths, in an order that changes with the epoch.
class EncoderTexts : public Examples {
  public:
    /// `rows` as train/distillation/encoder_rows.h has them, of `context` tokens each. Throws Error when there are
    /// fewer than a batch takes.
    EncoderTexts(PreparedText rows, std::size_t context, std::size_t batch, std::uint64_t seed);

    std::size_t steps_per_epoch() const override { return order_.size() / batch_; }
    /// Inputs are ids (batch, T), kNoToken behind each text's last, T the longest text's tokens; no targets.
    Batch at(std::size_t step) override;
    const char* unit() const override { return "texts"; }
    std::size_t units_per_batch() const override { return batch_; }

  private:
    PreparedText rows_;
    std::size_t context_;
    std::size_t batch_;
    std::uint64_t seed_;
    std::size_t epoch_ = SIZE_MAX;  // whose order `order_` holds
    std::vector<std::size_t> order_;
};

}  // namespace polyformer::train
