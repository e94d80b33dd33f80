// Randomly initialised encoders with softmax, as published checkpoints are imported: to try out plans, to test, to
// measure.
#pragma once

#include <cstddef>
#include <cstdint>

#include "polyformer/model/builders/transformer_builder.h"

namespace polyformer::model {

/// What an encoder gives.
enum class EncoderOutput {
    embedding,  ///< the mean over tokens, (1, width)
    classes,    ///< of the first token: (1, vocabulary)
    tokens      ///< (T, vocabulary)
};

/// The shape, and how intervals and bounds are found.
struct RandomEncoderOptions {
    std::size_t layers = 2;
    std::size_t width = 64;
    std::size_t heads = 4;
    std::size_t context = 32;
    std::size_t feed_forward = 256;
    std::size_t vocabulary = 64;  ///< token ids, and the classes or logits of outputs that have some
    EncoderOutput output = EncoderOutput::embedding;
    std::uint64_t seed = 1;
    std::size_t exp_degree = 15;  ///< of the polynomials
    std::size_t reciprocal_degree = 15;
    std::size_t gelu_degree = 15;
    std::size_t inverse_sqrt_degree = 15;
    std::size_t samples = 8;  ///< random token sequences that intervals and bounds are measured on
    bool short_texts = true;  ///< the samples are of all lengths, not of the context's alone
    double margin = 0.25;     ///< by which intervals and bounds exceed what the samples showed
};

/// BERT's shape: norms behind sums, softmax as exponentials, sums and an inverse. The same options give the same model.
/// Throws Error for a shape that cannot be and for polynomials that cannot be found.
Transformer random_encoder(const RandomEncoderOptions& options);

}  // namespace polyformer::model
