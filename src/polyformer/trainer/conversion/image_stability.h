// How a polynomial image model behaves on images unlike its training images.
#pragma once

#include <nlohmann/json.hpp>

#include "polyformer/train/data/prepared_images.h"
#include "polyformer/trainer/batches/image_batches.h"
#include "polyformer/trainer/network/network.h"

namespace polyformer::train {

/// For each kind of input (test images, mirrored, turned upside down, in negative, in grey, darkened, of twice the
/// contrast, with noise, shuffled pixels; plain black, white, and noise alone): images read, share of values outside
/// their polynomials' intervals, the worst excursion and its site, and the share of images of which the polynomials
/// name the class that the exact functions name, in percent. The model must have polynomials. Inputs depend on the seed
/// alone.
nlohmann::ordered_json measure_image_stability(Network& model, const PreparedImages& images, const Colours& colours,
                                               std::uint64_t seed);

}  // namespace polyformer::train
