#include "polyformer/trainer/batches/batches.h"

#include <random>
#include <span>
#include <utility>

#include "polyformer/support/error.h"
#include "polyformer/support/shuffle.h"
#include "polyformer/trainer/batches/strange_inputs.h"

namespace polyformer::train {

Batches::Batches(PreparedText text, std::size_t context, std::size_t batch, std::uint64_t seed, double strange_share)
    : text_(std::move(text)), context_(context), batch_(batch), seed_(seed), strange_share_(strange_share) {
    const std::size_t needed = (batch + 1) * context + 1;
    require(text_.ids.size() >= needed,
            "the training text has {} tokens, fewer than the {} that one batch of {} sequences of {} tokens takes: "
            "train on more text or with a smaller batch",
            text_.ids.size(), needed, batch, context);
    // One sequence fewer than fit, so that any offset below `context` leaves as many.
    steps_per_epoch_ = ((text_.ids.size() - 1) / context - 1) / batch;
}

Batch Batches::at(std::size_t step) {
    const torch::Tensor rows = tokens(step);
    Batch batch{rows.slice(1, 0, -1), rows.slice(1, 1)};
    std::mt19937_64 random(mix(mix(seed_, 1), step));
    const std::size_t strange = strange_rows(batch_, strange_share_, random);
    if (strange == 0) return batch;
    batch.target = batch.target.clone();
    for (std::size_t i = 0; i < strange; ++i) {
        make_strange({rows.data_ptr<std::int64_t>() + i * (context_ + 1), context_ + 1}, text_.vocabulary, random);
        batch.target[static_cast<std::int64_t>(i)].fill_(kNoTarget);
    }
    return batch;
}

torch::Tensor Batches::tokens(std::size_t step) {
    const std::size_t epoch = step / steps_per_epoch_;
    if (epoch != epoch_) {
        epoch_ = epoch;
        std::mt19937_64 random(mix(seed_, epoch));
        const std::size_t offset = random() % context_;
        starts_.resize((text_.ids.size() - 1) / context_ - 1);
        for (std::size_t i = 0; i < starts_.size(); ++i) starts_[i] = offset + i * context_;
        shuffle(std::span(starts_), random);
    }
    const auto rows = static_cast<std::int64_t>(batch_);
    const auto columns = static_cast<std::int64_t>(context_ + 1);
    torch::Tensor tokens = torch::empty({rows, columns}, torch::kInt64);
    auto* out = tokens.data_ptr<std::int64_t>();
    for (std::size_t i = 0; i < batch_; ++i) {
        const std::size_t start = starts_[(step % steps_per_epoch_) * batch_ + i];
        for (std::size_t j = 0; j <= context_; ++j) *out++ = text_.ids[start + j];
    }
    return tokens;
}

}  // namespace polyformer::train
