// The graph of an encoder with softmax, as polynomials and the names of the functions that they will stand for.
#pragma once

#include <cstddef>

#include "polyformer/model/families/encoder_weights.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::model {

/// Softmax is written as exp(score + shift) whose sum divides the mixed values: shifts are zero here, and each is a map
/// of the same tokens that may become the predicted −log Σ exp. Values between norms are kept normalised, without gamma
/// and beta, which go into the maps that read them. The input is what the client makes of tokens, embedding norm
/// included. Nodes, with N the layer: "input"; "layers.N.attention.{query,key,value,scores,shift,shifted,weights,
/// values,sums,inverse,mixed,output,stream,centred,residual}", "layers.N.attention_norm.{square,variance,
/// shifted_variance,inverse_sqrt,output}", "layers.N.feed_forward.{up,activation,down,stream,centred,residual}",
/// "layers.N.feed_forward_norm.{...}" (in the first layer's attention there is no "stream", in pointwise attention
/// there are no "sums", "inverse" and "mixed"); then of an embedding
/// "pooling", "embedding", "maps.N", "maps.N.activation"; of classes "pooling", "pooler", "pooler.activation",
/// "logits"; of a masked language model "head.{transform,activation,centred}", "head_norm.{...}", "logits".
///
/// Every Apply names its function in `replaces` and has a placeholder for its polynomial: the graph can be evaluated
/// with exact functions only. Bounds are 1. Throws Error naming the weight whose shape does not fit, and whatever
/// validate() throws.
Graph build_encoder(const EncoderShape& shape, const EncoderWeights& weights, const EncoderHead& head,
                    std::size_t context);

}  // namespace polyformer::model
