// From a LibTorch model to the graph that model/ and everything after it knows.
#pragma once

#include "model/transformer_builder.h"
#include "train/network/transformer.h"

namespace polyformer::train {

/// The weights in the form that model/ folds into a graph.
model::TransformerWeights export_weights(const Transformer& model);
/// The polynomials. Throws Error when a site has none yet.
model::TransformerPolynomials export_polynomials(const Transformer& model);

}  // namespace polyformer::train
