#include "polyformer/model/families/encoder_builder.h"

#include <cmath>
#include <optional>
#include <utility>

#include "polyformer/model/builders/folding.h"
#include "polyformer/model/builders/function_nodes.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

namespace {

/// Values of the network, and what a norm has still to multiply and add to them.
struct Stream {
    NodeId node = 0;
    const NormWeights* norm = nullptr;  ///< null: nothing
};

class EncoderBuilder {
  public:
    EncoderBuilder(const EncoderShape& shape, const EncoderWeights& weights, std::size_t context) : shape_(shape) {
        graph_.context = context;
        graph_.width = shape.width;
        stream_ = {append(graph_, "input", Input{}), nullptr};
        for (std::size_t i = 0; i < weights.layers.size(); ++i) {
            const std::string name = fmt::format("layers.{}", i);
            attention(name + ".attention", weights.layers[i]);
            norm_behind(name + ".attention_norm", weights.layers[i].attention_norm, width());
            feed_forward(name + ".feed_forward", weights.layers[i]);
            norm_behind(name + ".feed_forward_norm", weights.layers[i].feed_forward_norm, width());
        }
    }

    void add(const EmbeddingHead& head) {
        pool(head.pooling);
        if (head.maps.empty()) {
            stream_ = {
                append(graph_, "embedding", ScaleFeatures{stream_.node, stream_.norm->gamma, stream_.norm->beta}),
                nullptr};
        }
        for (std::size_t i = 0; i < head.maps.size(); ++i) {
            const std::string name = fmt::format("maps.{}", i);
            const LinearWeights& map = head.maps[i].map;
            check_linear(map, width(), map.weight.columns, name);
            stream_ = {linear(name, map), nullptr};
            if (!head.maps[i].activation.empty()) {
                stream_.node = append_function(graph_, name + ".activation", stream_.node, head.maps[i].activation);
            }
            width_ = map.weight.columns;
        }
        graph_.vocabulary = width();
    }

    void add(const ClassifierHead& head) {
        check_linear(head.pooler, width(), head.pooler.weight.columns, "pooler");
        check_linear(head.logits, head.pooler.weight.columns, head.logits.weight.columns, "logits");
        pool(Pooling::first);
        const NodeId pooler = linear("pooler", head.pooler);
        append_linear(graph_, "logits", append_function(graph_, "pooler.activation", pooler, head.activation),
                      head.logits);
        graph_.vocabulary = head.logits.weight.columns;
    }

    void add(const MaskedLanguageHead& head) {
        check_linear(head.transform, width(), head.transform.weight.columns, "transform");
        check_linear(head.logits, head.transform.weight.columns, head.logits.weight.columns, "logits");
        const NodeId transform = linear("head.transform", head.transform);
        const NodeId activation = append_function(graph_, "head.activation", transform, head.activation);
        residual_ = append(graph_, "head.centred", Centre{activation});
        norm_behind("head_norm", head.norm, head.transform.weight.columns);
        linear("logits", head.logits);
        graph_.vocabulary = head.logits.weight.columns;
    }

    Graph finish() {
        validate(graph_);
        return std::move(graph_);
    }

  private:
    std::size_t width() const { return width_.value_or(shape_.width); }

    /// A map of the stream, its norm's gamma and beta taken up.
    NodeId linear(std::string name, const LinearWeights& weights) {
        return append_linear(graph_, std::move(name), stream_.node,
                             stream_.norm == nullptr ? weights : with_norm_before(*stream_.norm, weights));
    }

    void pool(Pooling pooling) {
        if (pooling == Pooling::mean) {
            stream_.node = append(graph_, "pooling", TokenMean{stream_.node});
        } else {
            stream_.node = append(graph_, "pooling", SelectToken{stream_.node, 0});
        }
    }

    void attention(const std::string& name, const EncoderLayer& layer) {
        const std::size_t heads = shape_.heads;
        for (const auto& [part, weights] : {std::pair{".query", &layer.query}, std::pair{".key", &layer.key},
                                            std::pair{".value", &layer.value}, std::pair{".output", &layer.output}}) {
            check_linear(*weights, width(), width(), name + part);
        }
        const double head_width = static_cast<double>(width()) / static_cast<double>(heads);
        const NodeId query = linear(name + ".query", layer.query);
        const NodeId key = linear(name + ".key", layer.key);
        const NodeId value = linear(name + ".value", layer.value);
        const SoftmaxInputs inputs{.query = query,
                                   .key = key,
                                   .value = value,
                                   .stream = stream_.node,
                                   .width = width(),
                                   .heads = heads,
                                   .scale = 1 / std::sqrt(head_width)};
        const NodeId mixed = shape_.attention_function.empty() ? append_softmax(graph_, name, inputs)
                                                               : pointwise(name, inputs, layer.shift);
        add_to_stream(name, append_linear(graph_, name + ".output", mixed, centred(layer.output)));
    }

    NodeId pointwise(const std::string& name, const SoftmaxInputs& inputs, const LinearWeights& shift) {
        check_linear(shift, width(), shape_.heads, name + ".shift");
        return append_pointwise(graph_, name, inputs,
                                stream_.norm == nullptr ? shift : with_norm_before(*stream_.norm, shift),
                                shape_.attention_function);
    }

    void feed_forward(const std::string& name, const EncoderLayer& layer) {
        check_linear(layer.up, width(), shape_.hidden, name + ".up");
        check_linear(layer.down, shape_.hidden, width(), name + ".down");
        const NodeId up = linear(name + ".up", layer.up);
        const NodeId activation = append_function(graph_, name + ".activation", up, shape_.activation);
        add_to_stream(name, append_linear(graph_, name + ".down", activation, centred(layer.down)));
    }

    /// stream + branch, both less their mean over features.
    void add_to_stream(const std::string& name, NodeId branch) {
        NodeId node = stream_.node;
        if (stream_.norm != nullptr) {
            node = append(graph_, name + ".stream", ScaleFeatures{node, stream_.norm->gamma, stream_.norm->beta});
        }
        const NodeId stream = append(graph_, name + ".centred", Centre{node});
        residual_ = append(graph_, name + ".residual", Add{stream, branch});
    }

    /// residual / √(variance + epsilon): gamma and beta are left to those that read it.
    void norm_behind(const std::string& name, const NormWeights& norm, std::size_t features) {
        check_vector(norm.gamma, features, name, "gamma");
        check_vector(norm.beta, features, name, "beta");
        stream_ = {append_norm(graph_, name, residual_, shape_.epsilon), &norm};
    }

    const EncoderShape& shape_;
    Graph graph_;
    Stream stream_;
    NodeId residual_ = 0;
    std::optional<std::size_t> width_;  ///< once maps behind the pooling have changed it
};

}  // namespace

Graph build_encoder(const EncoderShape& shape, const EncoderWeights& weights, const EncoderHead& head,
                    std::size_t context) {
    require(shape.heads > 0 && shape.width > 0 && shape.width % shape.heads == 0,
            "{} heads do not divide a width of {}", shape.heads, shape.width);
    require(!weights.layers.empty(), "an encoder needs at least one layer");
    require(context >= 1 && context <= shape.positions, "the context must be 1 to {} tokens, not {}", shape.positions,
            context);
    EncoderBuilder builder(shape, weights, context);
    std::visit([&](const auto& kind) { builder.add(kind); }, head);
    return builder.finish();
}

}  // namespace polyformer::model
