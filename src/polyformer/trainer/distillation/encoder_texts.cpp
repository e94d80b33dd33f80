#include "polyformer/trainer/distillation/encoder_texts.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <span>
#include <utility>

#include "polyformer/support/error.h"
#include "polyformer/support/shuffle.h"
#include "polyformer/trainer/distillation/encoder.h"

namespace polyformer::train {

EncoderTexts::EncoderTexts(PreparedText rows, std::size_t context, std::size_t batch, std::uint64_t seed)
    : rows_(std::move(rows)), context_(context), batch_(batch), seed_(seed), order_(rows_.ids.size() / context) {
    require(order_.size() >= batch, "{} texts are fewer than a batch of {}: give more text, or a smaller batch",
            order_.size(), batch);
}

Batch EncoderTexts::at(std::size_t step) {
    const std::size_t epoch = step / steps_per_epoch();
    if (epoch != epoch_) {
        epoch_ = epoch;
        std::mt19937_64 random(mix(seed_, epoch));
        std::iota(order_.begin(), order_.end(), std::size_t{0});
        shuffle(std::span(order_), random);
    }
    const torch::Tensor ids =
        torch::full({static_cast<std::int64_t>(batch_), static_cast<std::int64_t>(context_)}, kNoToken, torch::kInt64);
    auto* out = ids.data_ptr<std::int64_t>();
    std::size_t longest = 1;
    for (std::size_t i = 0; i < batch_; ++i) {
        const std::size_t row = order_[step % steps_per_epoch() * batch_ + i];
        for (std::size_t j = 0; j < context_; ++j) {
            const std::int32_t id = rows_.ids[row * context_ + j];
            if (id == rows_.end_of_line) break;
            out[i * context_ + j] = id;
            longest = std::max(longest, j + 1);
        }
    }
    return {ids.slice(1, 0, static_cast<std::int64_t>(longest)).contiguous(), torch::empty({0})};
}

}  // namespace polyformer::train
