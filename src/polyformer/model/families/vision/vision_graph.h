// The graph of a vision transformer with class tokens and softmax, as polynomials and the names of functions.
#pragma once

#include <span>

#include "polyformer/model/families/decoders/decoder_builder.h"
#include "polyformer/model/families/vision/vision_family.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::model {

/// The input is (tokens, 3·patch²): a row of zeros for each extra token, then the patches row by row
/// (ImageInput::extra_tokens). Nodes: "input", "patches", "positions" (what extra tokens are, too); layers as
/// build_decoder() names them; "pooling", "final_norm.{...}", "logits", or, with several heads, for each
/// "HEAD.{pooling,norm.{...},logits}", then "logits", their sum. Functions and bounds as in build_decoder(). Throws
/// what `read_layer` does, Error naming the weight whose shape does not fit, and whatever validate() throws.
Graph build_vision(const VisionShape& shape, const VisionTables& tables, const ReadLayer& read_layer,
                   std::span<const VisionHead> heads);

}  // namespace polyformer::model
