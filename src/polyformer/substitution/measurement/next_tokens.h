// How well a decoder's logits predict the tokens of the texts that it read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "polyformer/model/interpreter/interpreter.h"

namespace polyformer::substitution {

/// Sums over predictions.
struct NextTokens {
    double nats = 0;
    std::size_t count = 0;

    /// exp(nats / count); 0 without predictions.
    double perplexity() const;
    /// Row t of the logits, from `first` on, predicts token t + 1; the last one predicts nothing here.
    void add(const model::Tensor& logits, std::span<const std::int32_t> tokens, std::size_t first = 0);
};

/// In how many rows the largest values of two logits are in the same place.
std::size_t rows_alike(const model::Tensor& a, const model::Tensor& b);

}  // namespace polyformer::substitution
