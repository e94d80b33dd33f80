// The shape and the variants of a vision transformer, as a configuration names them: ViT is one stage that attends to
// the whole grid, Swin (arXiv 2103.14030) several with windows and merges.
#pragma once

#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "polyformer/train/configuration/architecture.h"

namespace polyformer::train {

/// What is done to scores before σ (or the softmax): BatchNorm2d with the heads as channels, or nothing.
inline constexpr std::array score_norms = {"none", "batch_norm"};
/// Where each layer has a depthwise 3×3 convolution over patches, with a skip around it: on what enters the layer
/// (arXiv 2102.10882), on the feed-forward part's pre-activations (arXiv 2104.05707), or nowhere.
inline constexpr std::array local_choices = {"none", "residual", "hidden"};
/// One more norm in the feed-forward part.
inline constexpr std::array hidden_norms = {"none", "layer_norm", "rms_norm", "batch_norm"};
/// What tells patches their places: a learned vector each, a learned addend to the scores for each offset within a
/// window and each head, or nothing but `local`.
inline constexpr std::array position_choices = {"none", "learned", "relative"};

/// Layers on one grid of patches. Every stage but the first begins by merging 2×2 patches.
struct VisionStage {
    std::size_t layers = 4;
    std::size_t width = 128;
    std::size_t heads = 4;
    std::size_t feed_forward = 256;
    std::size_t window =
        0;  ///< side of attention's windows in patches, every second layer's shifted by half; 0: no windows
};

/// A vision transformer: images, patches, and its stages from the finest grid to the coarsest.
struct VisionArchitecture {
    std::size_t height = 32;  ///< of the images, in pixels
    std::size_t width = 32;
    std::size_t classes = 100;
    std::size_t patch = 4;   ///< pixels from one patch to the next
    std::size_t kernel = 4;  ///< side of what a patch covers, patch + an even number
    std::vector<VisionStage> stages = {VisionStage{}};
    std::string positions = "learned";
    std::string local = "hidden";
    Attention attention = {};
    std::string score_norm = "none";
    std::string norm = "batch_norm";
    std::string hidden_norm = "batch_norm";  ///< one more norm between `up` and the activation; or "none"
    std::string activation = "gelu";

    std::size_t rows(std::size_t stage) const { return height / patch >> stage; }  ///< of a stage's grid
    std::size_t columns(std::size_t stage) const { return width / patch >> stage; }
    std::size_t layers() const;
};

/// Throws Error naming the values that do not fit each other: patches and images, merges, windows and grids, heads.
void check(const VisionArchitecture& model);

/// Why the architecture has no polynomial form, or an empty text when it has one.
std::string obstacle_to_substitution(const VisionArchitecture& model);

nlohmann::ordered_json to_json(const VisionArchitecture& model);

/// How training images are varied.
struct Augmentation {
    std::size_t crop = 4;    ///< pixels by which an image is moved at most, in each direction
    bool flip = true;        ///< left and right, half of the images
    double mix_share = 0.5;  ///< of the batches that are mixed, by CutMix or mixup with equal chance where both are on
    double cutmix = 1;       ///< α of the Beta distribution of shares; 0: off
    double mixup = 0;        ///< likewise
    double erase_share = 0;  ///< of the images of which a rectangle is replaced by noise
    double label_smoothing = 0.1;  ///< share of the target that is spread over all classes
};

nlohmann::ordered_json to_json(const Augmentation& augmentation);

}  // namespace polyformer::train
