// From an image model of LibTorch to the weights that model/ builds a graph of.
#pragma once

#include "polyformer/model/builders/vision_weights.h"
#include "polyformer/trainer/network/vision.h"

namespace polyformer::train {

/// The weights in the form that model/ folds into a graph. Throws Error for an architecture without a polynomial form.
model::VisionWeights export_weights(const VisionNetworkImpl& model);
/// The polynomials, all stages' layers one after the other. Throws Error when a site has none yet.
model::VisionPolynomials export_polynomials(const VisionNetworkImpl& model);

}  // namespace polyformer::train
