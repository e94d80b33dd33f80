// Layers whose norms lie before their parts, as decoders and vision transformers have them, as nodes of a graph.
#pragma once

#include <cstddef>
#include <string>

#include "polyformer/model/families/decoders/decoder_weights.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::model {

/// Appends to a graph whose context and width are set. Before LayerNorms the stream must have a mean of 0 at each
/// token, which it then keeps. Nodes as build_decoder() names them. All throw Error naming the weight whose shape does
/// not fit.
class PreNormBuilder {
  public:
    /// `stream` is what the first layer reads. Refers to all of these.
    PreNormBuilder(Graph& graph, const DecoderShape& shape, NodeId stream)
        : graph_(graph), shape_(shape), stream_(stream) {}

    /// The layer of that number.
    void add(std::size_t index, DecoderLayer layer);

    NodeId stream() const { return stream_; }

    /// A map of what a norm leaves, (width) → (features).
    NodeId read(const std::string& name, NodeId normalised, const NormWeights& norm, LinearWeights weights,
                std::size_t features);

  private:
    void write(const std::string& name, const char* part, NodeId input, LinearWeights weights, std::size_t features);
    NodeId rotated(const std::string& name, NodeId input, std::size_t heads);
    void attention(const std::string& name, NodeId normalised, double scale, DecoderLayer& layer);
    void feed_forward(const std::string& name, NodeId normalised, DecoderLayer& layer);

    Graph& graph_;
    const DecoderShape& shape_;
    NodeId stream_ = 0;
};

}  // namespace polyformer::model
