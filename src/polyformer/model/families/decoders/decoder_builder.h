// The graph of a decoder with softmax, as polynomials and the names of the functions that they will stand for.
#pragma once

#include <cstddef>
#include <functional>

#include "polyformer/model/families/decoders/decoder_weights.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::model {

/// The weights of a layer, called once for each in order: so there is never more than one layer beside the graph.
using ReadLayer = std::function<DecoderLayer(std::size_t layer)>;

/// Logits of the next token at each of `context` tokens. Gamma and beta of the norms go into the maps behind them; the
/// centring of a LayerNorm goes into those that write the stream, so the client's tables must be centred, too. Nodes,
/// with N the layer: "input"; "layers.N.attention_norm.{square,variance,shifted_variance,inverse_sqrt,output}",
/// "layers.N.attention.{query,key,value,query_rotated,key_rotated,scores,shift,shifted,weights,values,sums,inverse,
/// mixed,output,residual}", "layers.N.feed_forward_norm.{...}", "layers.N.feed_forward.{gate,activation,up,gated,down,
/// residual}" (without a gate "up,activation"), "final_norm.{...}", "logits". "..._rotated" only with rotary positions,
/// whose angles are those of places 0 to context − 1.
///
/// Every Apply names its function in `replaces` and has a placeholder for its polynomial: the graph can be evaluated
/// with exact functions only. Bounds are 1. `logits` is (width, vocabulary). Throws what `read_layer` does, Error
/// naming the weight whose shape does not fit, and whatever validate() throws.
Graph build_decoder(const DecoderShape& shape, const ReadLayer& read_layer, const NormWeights& final_norm,
                    LinearWeights logits, std::size_t context);

}  // namespace polyformer::model
