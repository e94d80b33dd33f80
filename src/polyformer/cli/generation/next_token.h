// Which token follows, by the logits of a language model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "polyformer/service/private_logits.h"

namespace polyformer::cli {

/// How one of the likely tokens is chosen.
struct Sampling {
    double temperature = 0;  ///< 0: the most likely token, always
    std::size_t top_k = 0;   ///< drawn from so many of the most likely ones; 0: from all
    std::uint64_t seed = 1;

    friend bool operator==(const Sampling&, const Sampling&) = default;
};

/// The token at place `step` of a generation, with its probability among those that it is drawn from: softmax(logits /
/// temperature), or softmax(logits) for temperature 0. The same for the same logits, seed and step, so that a
/// generation can be taken up again. There is a logit, and all are finite.
service::Probable next_token(std::span<const double> logits, const Sampling& sampling, std::size_t step);

}  // namespace polyformer::cli
