#include "polyformer/model/families/decoders/decoder_builder.h"

#include <utility>

#include "polyformer/model/builders/folding.h"
#include "polyformer/model/builders/function_nodes.h"
#include "polyformer/model/families/decoders/pre_norm_builder.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

Graph build_decoder(const DecoderShape& shape, const ReadLayer& read_layer, const NormWeights& final_norm,
                    LinearWeights logits, std::size_t context) {
    require(shape.layers > 0, "a decoder needs at least one layer");
    require(shape.key_heads > 0 && shape.heads % shape.key_heads == 0,
            "{} heads do not divide into groups for {} heads of keys", shape.heads, shape.key_heads);
    require(context >= 1 && context <= shape.positions, "the context must be 1 to {} tokens, not {}", shape.positions,
            context);
    Graph graph{.context = context, .width = shape.width, .vocabulary = shape.vocabulary, .nodes = {}};
    PreNormBuilder builder(graph, shape, append(graph, "input", Input{}));
    for (std::size_t i = 0; i < shape.layers; ++i) builder.add(i, read_layer(i));
    const NodeId normalised = append_norm(graph, "final_norm", builder.stream(), shape.epsilon);
    builder.read("logits", normalised, final_norm, std::move(logits), shape.vocabulary);
    validate(graph);
    return graph;
}

}  // namespace polyformer::model
