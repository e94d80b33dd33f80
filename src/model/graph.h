// A polynomial transformer as data: a graph of linear maps, additions, products and polynomials, and nothing else.
//
// Every value is an activation of shape (T, C), T tokens by C features, or the scores of an attention, (H, T, T).
// A node can only refer to earlier nodes, so the vector's order is an order of evaluation.
#pragma once

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

namespace polyformer::model {

/// Index of a node in Graph::nodes.
using NodeId = std::size_t;

/// Row-major matrix of shape (rows, columns).
struct Matrix {
    std::size_t rows = 0;
    std::size_t columns = 0;
    std::vector<float> values;
};

/// p(x) = Σ c_k T_k(u), u = (2x − lower − upper) / (upper − lower): Chebyshev coefficients over [lower, upper].
struct Polynomial {
    double lower = -1;
    double upper = 1;
    std::vector<double> coefficients;
};

/// The embedded tokens, positions added, (T, width): what the client encrypts.
struct Input {};

/// y = x·weight + bias: (T, C_in) → (T, C_out). weight is (C_in, C_out); bias has C_out entries or none.
struct Linear {
    NodeId input = 0;
    Matrix weight;
    std::vector<float> bias;
};

/// The mean over features, (T, C) → (T, 1).
struct FeatureMean {
    NodeId input = 0;
};

/// a + b, equal shapes.
struct Add {
    NodeId left = 0;
    NodeId right = 0;
};

/// a ⊙ b, equal shapes, or one of them (T, 1) and broadcast over the other's features. Both may be the same node.
struct Multiply {
    NodeId left = 0;
    NodeId right = 0;
};

/// A polynomial applied to each element; on scores as on activations.
struct Apply {
    NodeId input = 0;
    Polynomial polynomial;
    std::string replaces;  ///< what it stands for: "gelu", "inverse_sqrt", ... (documentation only)
};

/// S[h,q,k] = scale · Σ_j query[q, h·w+j] · key[k, h·w+j]: (T, H·w) × (T, H·w) → (H, T, T).
struct AttentionScores {
    NodeId query = 0;
    NodeId key = 0;
    std::size_t heads = 1;
    double scale = 1;
};

/// O[q, h·w+j] = Σ_k mask[h,q,k] · A[h,q,k] · value[k, h·w+j]: (H, T, T) × (T, H·w) → (T, H·w).
/// The mask zeroes what the polynomial makes of keys that a query must not see, and holds what is constant of the other
/// weights: 1/S(L) of the method, and what a key weighs for its distance.
struct AttentionValues {
    NodeId scores = 0;
    NodeId value = 0;
    std::size_t heads = 1;
    bool causal = true;  ///< the mask is 0 where k > q
    Matrix mask;         ///< (H·context, context), row h·context + q
};

using Operation = std::variant<Input, Linear, FeatureMean, Add, Multiply, Apply, AttentionScores, AttentionValues>;

/// One step of the transformer. `bound` is the largest |value| that calibration saw here, margin included; the compiler
/// keeps value / bound within [-1, 1] in every slot, which bootstrapping needs.
struct Node {
    std::string name;  ///< unique and stable, such as "layers.0.attention.scores"
    Operation operation;
    double bound = 1;
};

/// The whole network, from embedded tokens to logits (T, vocabulary).
struct Graph {
    std::size_t context = 0;     ///< T: the greatest number of tokens
    std::size_t width = 0;       ///< features of Input
    std::size_t vocabulary = 0;  ///< features of the output
    std::vector<Node> nodes;     ///< nodes.front() is the only Input, nodes.back() gives the logits
};

/// Shape of a node's value.
struct Shape {
    bool scores = false;       ///< true: (heads, T, T); false: (T, features)
    std::size_t features = 0;  ///< C, or the number of heads for scores
    friend bool operator==(const Shape&, const Shape&) = default;
};

/// The nodes that `operation` reads, in order.
std::vector<NodeId> inputs_of(const Operation& operation);

/// Shapes of all nodes. Throws Error naming the node and both shapes where they do not fit.
std::vector<Shape> shapes_of(const Graph& graph);

/// Throws Error unless the graph is sound: references point backwards, shapes fit, weights, coefficients and bounds are
/// finite, every interval has lower < upper, names are unique, every node is used, the ends are Input and logits.
void validate(const Graph& graph);

}  // namespace polyformer::model
