// From a LibTorch model to the graph that model/ and everything after it knows.
#pragma once

#include "polyformer/model/builders/transformer_builder.h"
#include "polyformer/model/builders/vision_builder.h"
#include "polyformer/trainer/network/transformer.h"
#include "polyformer/trainer/network/vision.h"

namespace polyformer::train {

/// The weights in the form that model/ folds into a graph.
model::TransformerWeights export_weights(const TransformerImpl& model);
/// The polynomials. Throws Error when a site has none yet.
model::TransformerPolynomials export_polynomials(const TransformerImpl& model);

/// Throws Error for an architecture without a polynomial form.
model::VisionWeights export_weights(const VisionNetworkImpl& model);
model::VisionPolynomials export_polynomials(const VisionNetworkImpl& model);

}  // namespace polyformer::train
