#include "polyformer/model/families/decoders/decoder_builder.h"

#include <utility>

#include "polyformer/model/builders/folding.h"
#include "polyformer/model/builders/function_nodes.h"
#include "polyformer/model/families/decoders/rotary.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

namespace {

class DecoderBuilder {
  public:
    DecoderBuilder(const DecoderShape& shape, std::size_t context) : shape_(shape) {
        graph_.context = context;
        graph_.width = shape.width;
        graph_.vocabulary = shape.vocabulary;
        stream_ = append(graph_, "input", Input{});
    }

    void add(std::size_t index, DecoderLayer layer) {
        const std::string name = fmt::format("layers.{}", index);
        NodeId normalised = append_norm(graph_, name + ".attention_norm", stream_, shape_.epsilon);
        attention(name + ".attention", normalised, shape_.score_scales.at(index), layer);
        normalised = append_norm(graph_, name + ".feed_forward_norm", stream_, shape_.epsilon);
        feed_forward(name + ".feed_forward", normalised, layer);
    }

    Graph finish(const NormWeights& norm, LinearWeights logits) {
        const NodeId normalised = append_norm(graph_, "final_norm", stream_, shape_.epsilon);
        read("logits", normalised, norm, std::move(logits), shape_.vocabulary);
        validate(graph_);
        return std::move(graph_);
    }

  private:
    /// A map of what a norm leaves: (width) → (features).
    NodeId read(const std::string& name, NodeId normalised, const NormWeights& norm, LinearWeights weights,
                std::size_t features) {
        check_vector(norm.gamma, shape_.width, name, "gamma of the norm before it");
        if (shape_.norm == NormKind::layer_norm) check_norm(norm, shape_.width, name, "before it");
        check_linear(weights, shape_.width, features, name);
        return append_linear(graph_, name, normalised, with_norm_before(norm, std::move(weights)));
    }

    /// A map that writes the stream, which keeps a mean of 0 where LayerNorms read it.
    void write(const std::string& name, const char* part, NodeId input, LinearWeights weights, std::size_t features) {
        check_linear(weights, features, shape_.width, name + part);
        if (shape_.norm == NormKind::layer_norm) weights = centred(std::move(weights));
        const NodeId branch = append_linear(graph_, name + part, input, std::move(weights));
        stream_ = append(graph_, name + ".residual", Add{stream_, branch});
    }

    NodeId rotated(const std::string& name, NodeId input, std::size_t heads) {
        if (shape_.rotary_frequencies.empty()) return input;
        Matrix angles = rotary_angles(shape_.rotary_frequencies, graph_.context);
        return append(graph_, name + "_rotated", RotateFeatures{input, heads, std::move(angles)});
    }

    void attention(const std::string& name, NodeId normalised, double scale, DecoderLayer& layer) {
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
                                             .causal = true});
        write(name, ".output", mixed, std::move(layer.output), wide);
    }

    void feed_forward(const std::string& name, NodeId normalised, DecoderLayer& layer) {
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

    const DecoderShape& shape_;
    Graph graph_;
    NodeId stream_ = 0;
};

}  // namespace

Graph build_decoder(const DecoderShape& shape, const ReadLayer& read_layer, const NormWeights& final_norm,
                    LinearWeights logits, std::size_t context) {
    require(shape.layers > 0, "a decoder needs at least one layer");
    require(shape.key_heads > 0 && shape.heads % shape.key_heads == 0,
            "{} heads do not divide into groups for {} heads of keys", shape.heads, shape.key_heads);
    require(context >= 1 && context <= shape.positions, "the context must be 1 to {} tokens, not {}", shape.positions,
            context);
    DecoderBuilder builder(shape, context);
    for (std::size_t i = 0; i < shape.layers; ++i) builder.add(i, read_layer(i));
    return builder.finish(final_norm, std::move(logits));
}

}  // namespace polyformer::model
