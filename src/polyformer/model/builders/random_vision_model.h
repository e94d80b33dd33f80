// Randomly initialised polynomial image models of any shape: to try out plans, to test, to measure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "polyformer/model/builders/vision_builder.h"

namespace polyformer::model {

/// Layers on one grid. Every second one shifts its windows by half their side, where there is more than one window.
struct RandomVisionStage {
    std::size_t layers = 2;
    std::size_t width = 32;
    std::size_t heads = 2;
    std::size_t window = 0;  ///< side of a window of attention, in patches; 0: the whole grid
};

/// The shape, and how intervals and bounds are found. The defaults are a ViT of one stage; a Swin has several, each on
/// a grid of half the rows and columns of the one before.
struct RandomVisionOptions {
    std::size_t rows = 4;  ///< of the first stage's grid
    std::size_t columns = 4;
    std::vector<RandomVisionStage> stages = {{}};
    std::size_t features = 48;  ///< of a patch
    std::size_t classes = 10;
    std::size_t feed_forward = 2;    ///< feed-forward widths by the stages' widths
    bool local = true;               ///< a 3×3 convolution before every attention
    bool hidden_local = false;       ///< and one before σ of the feed-forward part
    bool positions = true;           ///< added to the patches
    bool relative_positions = true;  ///< a bias on the scores
    std::uint64_t seed = 1;
    std::string attention_function = "gelu";     ///< σ of the scores, a name of approx::target_function()
    std::string feed_forward_function = "gelu";  ///< σ in the feed-forward part, likewise
    std::size_t activation_degree = 15;          ///< of the polynomials for these two
    std::size_t samples = 8;                     ///< random images that intervals and bounds are measured on
    double margin = 0.25;                        ///< by which intervals and bounds exceed what the samples showed
};

/// An image as a graph takes it, (tokens, features), each value of mean 0 and deviation 1.
Tensor random_patches(std::size_t tokens, std::size_t features, std::uint64_t seed);

/// The weights before anything is folded.
VisionWeights random_vision_weights(const RandomVisionOptions& options);

/// Builds the model; the same options give the same model. Throws Error for a shape that cannot be and for polynomials
/// that cannot be found.
Graph random_vision_model(const RandomVisionOptions& options);

}  // namespace polyformer::model
