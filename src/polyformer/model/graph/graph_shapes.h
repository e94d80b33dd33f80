// The shapes of a graph's values, worked out node by node.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "polyformer/model/graph/graph.h"

namespace polyformer::model {

/// Shape of a node's value.
struct Shape {
    bool scores = false;       ///< true: (heads, T, W); false: (T, features)
    std::size_t features = 0;  ///< C, or the number of heads for scores
    std::size_t tokens = 0;    ///< T when the input has Graph::context tokens
    std::size_t window = 0;    ///< W of scores, else 0
    friend bool operator==(const Shape&, const Shape&) = default;
};

/// "(64, 192)", or "scores of 4 heads over 64 tokens in windows of 16": for messages.
std::string to_string(const Shape& shape);

/// Shapes of all nodes. Throws Error naming the node and both shapes where they do not fit.
std::vector<Shape> shapes_of(const Graph& graph);

/// Whether a text shorter than the context may enter: every attention has one window, whose keys beyond the text are
/// never seen, and no operation is tied to places, as those of image models are.
bool takes_shorter_inputs(const Graph& graph);

}  // namespace polyformer::model
