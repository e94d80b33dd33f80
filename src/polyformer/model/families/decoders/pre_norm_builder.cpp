#include "polyformer/model/families/decoders/pre_norm_builder.h"

#include <utility>

#include "polyformer/model/builders/folding.h"
#include "polyformer/model/builders/function_nodes.h"
#include "polyformer/model/families/decoders/rotary.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

void PreNormBuilder::add(std::size_t index, DecoderLayer layer) {
    const std::string name = fmt::format("layers.{}", index);
    NodeId normalised = append_norm(graph_, name + ".attention_norm", stream_, shape_.epsilon);
    attention(name + ".attention", normalised, shape_.score_scales.at(index), layer);
    normalised = append_norm(graph_, name + ".feed_forward_norm", stream_, shape_.epsilon);
    feed_forward(name + ".feed_forward", normalised, layer);
}

NodeId PreNormBuilder::read(const std::string& name, NodeId normalised, const NormWeights& norm, LinearWeights weights,
                            std::size_t features) {
    check_vector(norm.gamma, shape_.width, name, "gamma of the norm before it");
    if (shape_.norm == NormKind::layer_norm) check_norm(norm, shape_.width, name, "before it");
    check_linear(weights, shape_.width, features, name);
    return append_linear(graph_, name, normalised, with_norm_before(norm, std::move(weights)));
}

/// A map that writes the stream, which keeps a mean of 0 where LayerNorms read it.
void PreNormBuilder::write(const std::string& name, const char* part, NodeId input, LinearWeights weights,
                           std::size_t features) {
    check_linear(weights, features, shape_.width, name + part);
    if (shape_.norm == NormKind::layer_norm) weights = centred(std::move(weights));
    const NodeId branch = append_linear(graph_, name + part, input, std::move(weights));
    stream_ = append(graph_, name + ".residual", Add{stream_, branch});
}

NodeId PreNormBuilder::rotated(const std::string& name, NodeId input, std::size_t heads) {
    if (shape_.rotary_frequencies.empty()) return input;
    Matrix angles = rotary_angles(shape_.rotary_frequencies, graph_.context);
    return append(graph_, name + "_rotated", RotateFeatures{input, heads, std::move(angles)});
}

void PreNormBuilder::attention(const std::string& name, NodeId normalised, double scale, DecoderLayer& layer) {
    const std::size_t wide = shape_.heads * shape_.head_width;
    const std::size_t narrow = shape_.key_heads * shape_.head_width;
    const NormWeights& norm = layer.attention_norm;
    const NodeId query = read(name + ".query", normalised, norm, std::move(layer.query), wide);
    const NodeId key = read(name + ".key", normalised, norm, std::move(layer.key), narrow);
    const NodeId value = read(name + ".value", normalised, norm, std::move(layer.value), narrow);
    const NodeId query_rotated = rotated(name + ".query", query, shape_.heads);
    const NodeId key_rotated = rotated(name + ".key", key, shape_.key_heads);
    const NodeId mixed = append_softmax(graph_, name,
                                        {.query = query_rotated,
                                         .key = key_rotated,
                                         .value = value,
                                         .stream = normalised,
                                         .width = shape_.width,
                                         .heads = shape_.heads,
                                         .key_heads = shape_.key_heads == shape_.heads ? 0 : shape_.key_heads,
                                         .scale = scale,
                                         .causal = shape_.causal});
    write(name, ".output", mixed, std::move(layer.output), wide);
}

void PreNormBuilder::feed_forward(const std::string& name, NodeId normalised, DecoderLayer& layer) {
    const NormWeights& norm = layer.feed_forward_norm;
    NodeId inner = 0;
    if (layer.gate) {
        const NodeId gate = read(name + ".gate", normalised, norm, std::move(*layer.gate), shape_.hidden);
        const NodeId activation = append_function(graph_, name + ".activation", gate, shape_.activation);
        const NodeId up = read(name + ".up", normalised, norm, std::move(layer.up), shape_.hidden);
        inner = append(graph_, name + ".gated", Multiply{activation, up});
    } else {
        const NodeId up = read(name + ".up", normalised, norm, std::move(layer.up), shape_.hidden);
        inner = append_function(graph_, name + ".activation", up, shape_.activation);
    }
    write(name, ".down", inner, std::move(layer.down), shape_.hidden);
}

}  // namespace polyformer::model
