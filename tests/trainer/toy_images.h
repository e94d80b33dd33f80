// Small pictures that a small network can tell apart: a bright corner for each class.
#pragma once

#include <filesystem>

#include "polyformer/train/data/prepared_images.h"
#include "polyformer/trainer/network/vision.h"

namespace polyformer::train {

/// 8×8 pixels, four classes.
PreparedImages toy_images(std::size_t count, std::uint64_t seed);

/// One stage over the whole grid, positions learned, convolutions on pre-activations.
VisionArchitecture toy_vit();
/// Two stages with windows, shifts, relative positions, norms of scores, convolutions on the residual stream.
VisionArchitecture toy_swin();

/// With BatchNorms that have seen images, and a polynomial at each site.
VisionNetwork toy_network(const VisionArchitecture& architecture, std::uint64_t seed);

}  // namespace polyformer::train
