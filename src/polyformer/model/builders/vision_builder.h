// Builds the graph of a vision transformer (ViT; Swin: arXiv 2103.14030) from its plain weights. Every BatchNorm folds
// into the linear map after it, or the one before it, so that a layer costs two attention products and two polynomials.
#pragma once

#include "polyformer/model/builders/vision_weights.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::model {

/// Tokens are in token_order() of token_blocks(). Nodes, with N counting layers over all stages: "input", "patches",
/// "positions" if there are any, for a stage that merges "stages.S.merge" and "stages.S.width", for every layer
/// "layers.N.local", "layers.N.attention.{query,key,value,scores,activation,values,output,residual}",
/// "layers.N.feed_forward.{up,local,activation,down,residual}"; last "pooling" and "logits". A shifted layer's tokens
/// are moved by its "local" node, which is there for every change of shift even without a convolution
/// ("stages.S.unshift" after a shifted layer that ends a stage but the last, whose mean does not depend on the order).
/// Bounds are left at 1. Throws Error naming the weight, stage or layer that does not fit, and whatever validate()
/// throws.
Graph build_vision_transformer(const VisionWeights& weights, const VisionPolynomials& polynomials);

}  // namespace polyformer::model
