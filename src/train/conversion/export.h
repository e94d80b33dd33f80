// From a LibTorch model to the graph that model/ and everything after it knows.
#pragma once

#include "model/transformer_builder.h"
#include "model/vision_builder.h"
#include "train/network/transformer.h"
#include "train/network/vision.h"

namespace polyformer::train {

/// The weights in the form that model/ folds into a graph.
model::TransformerWeights export_weights(const TransformerImpl& model);
/// The polynomials. Throws Error when a site has none yet.
model::TransformerPolynomials export_polynomials(const TransformerImpl& model);

/// Throws Error for an architecture without a polynomial form.
model::VisionWeights export_weights(const VisionNetworkImpl& model);
model::VisionPolynomials export_polynomials(const VisionNetworkImpl& model);

}  // namespace polyformer::train
