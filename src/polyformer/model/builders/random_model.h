// Randomly initialised polynomial transformers of any shape: to try out plans, to test, to measure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "polyformer/model/builders/transformer_builder.h"

namespace polyformer::model {

/// The shape, and how intervals and bounds are found.
struct RandomModelOptions {
    std::size_t layers = 2;
    std::size_t width = 64;
    std::size_t heads = 4;
    std::size_t context = 32;
    std::size_t feed_forward = 256;
    std::size_t vocabulary = 512;
    std::uint64_t seed = 1;
    NormKind norm = NormKind::layer_norm;
    std::string attention_function = "gelu";     ///< σ of the scores, a name of approx::target_function()
    std::string feed_forward_function = "gelu";  ///< σ in the feed-forward part, likewise
    std::size_t activation_degree = 15;          ///< of the polynomials for these two
    std::size_t inverse_sqrt_degree = 15;        ///< of those in norms; a batch_norm has none
    std::size_t samples = 8;                     ///< random token sequences that intervals and bounds are measured on
    double margin = 0.25;                        ///< by which intervals and bounds exceed what the samples showed
};

/// `count` tokens drawn evenly from the vocabulary.
std::vector<std::int32_t> random_tokens(std::size_t count, std::size_t vocabulary, std::uint64_t seed);

/// Builds the model; the same options give the same model. Throws Error for a shape that cannot be (heads that do not
/// divide the width, a size of 0) and for polynomials that cannot be found.
Transformer random_model(const RandomModelOptions& options);

}  // namespace polyformer::model
