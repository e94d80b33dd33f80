// From a language model of LibTorch to the weights that model/ builds a graph of.
#pragma once

#include "polyformer/model/builders/transformer_builder.h"
#include "polyformer/trainer/network/transformer.h"

namespace polyformer::train {

/// The weights in the form that model/ folds into a graph.
model::TransformerWeights export_weights(const TransformerImpl& model);
/// The polynomials. Throws Error when a site has none yet.
model::TransformerPolynomials export_polynomials(const TransformerImpl& model);

}  // namespace polyformer::train
