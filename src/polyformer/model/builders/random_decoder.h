// Randomly initialised decoders with softmax, as published checkpoints are imported: to try out plans, to test, to
// measure.
#pragma once

#include <cstddef>
#include <cstdint>

#include "polyformer/model/builders/transformer_builder.h"

namespace polyformer::model {

/// The shape, and how intervals and bounds are found.
struct RandomDecoderOptions {
    std::size_t layers = 2;
    std::size_t width = 64;
    std::size_t heads = 4;      ///< of queries; their width is even
    std::size_t key_heads = 2;  ///< of keys and values, a divisor of the heads
    std::size_t context = 32;
    std::size_t feed_forward = 128;
    std::size_t vocabulary = 64;
    std::size_t prefix = 2;  ///< public tokens in front of every text, or 0
    bool shares_exp = true;  ///< the prefix's weights come from the polynomial that the text's do
    std::uint64_t seed = 1;
    std::size_t exp_degree = 15;  ///< of the polynomials
    std::size_t reciprocal_degree = 15;
    std::size_t silu_degree = 15;
    std::size_t inverse_sqrt_degree = 15;
    std::size_t samples = 8;  ///< random token sequences that intervals and bounds are measured on
    double margin = 0.25;     ///< by which intervals and bounds exceed what the samples showed
};

/// LLaMA's shape: RMSNorm, rotary positions, keys and values shared by several queries, softmax as exponentials, sums
/// and an inverse, SwiGLU; keys and values of the public prefix are drawn like all weights. The same options give the
/// same model. Throws Error for a shape that cannot be and for polynomials that cannot be found.
Transformer random_decoder(const RandomDecoderOptions& options);

}  // namespace polyformer::model
