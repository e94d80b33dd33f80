// A polynomial transformer as data: a graph of linear maps, additions, products and polynomials, and nothing else.
//
// Every value is an activation of shape (T, C), T tokens by C features, or the scores of an attention, (H, T, W), where
// each query meets the W keys of its window: W consecutive tokens, all T of them unless the attention says otherwise.
// A node can only refer to earlier nodes, so the vector's order is an order of evaluation.
#pragma once

#include <cstddef>
#include <cstdint>
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

/// What the client encrypts, (T, width): embedded tokens with their positions added, or the patches of an image.
struct Input {};

/// y = x·weight + bias: (T, C_in) → (T, C_out). weight is (C_in, C_out); bias has C_out entries or none.
struct Linear {
    NodeId input = 0;
    Matrix weight = {};
    std::vector<float> bias = {};
};

/// The mean over features, (T, C) → (T, 1).
struct FeatureMean {
    NodeId input = 0;
};

/// a + b, equal shapes, or one of them with H features, H a divisor of the other's C, and each of them added to C/H
/// consecutive ones: y[t, j] = a[t, j] + b[t, j div (C/H)]; scores only to scores. Such as the shift of a head that
/// goes to all that its queries meet.
struct Add {
    NodeId left = 0;
    NodeId right = 0;
};

/// a ⊙ b, equal shapes, or one of them with H features, H a divisor of the other's C, and each of them times C/H
/// consecutive ones: y[t, j] = a[t, j] · b[t, j div (C/H)]. With H = 1 a factor for each token, such as a norm's; else
/// one for each head, such as the inverse of a softmax's sum. Both may be the same node.
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

/// y[t, c] = factors[c] · x[t, c] + bias[c]: (T, C) → (T, C). A norm's gamma and beta, where no map can take them up.
struct ScaleFeatures {
    NodeId input = 0;
    std::vector<float> factors = {};  ///< C entries
    std::vector<float> bias = {};     ///< C entries or none
};

/// Each token less its mean over features: (T, C) → (T, C). A LayerNorm's centring, where no map can take it up.
struct Centre {
    NodeId input = 0;
};

/// Rotary positions: within each of `heads` blocks of w consecutive features the pair (j, j + w/2) is turned by the
/// angle a = angles[t, j] of its token: y[t, j] = cos a · x[t, j] − sin a · x[t, j + w/2], y[t, j + w/2] =
/// sin a · x[t, j] + cos a · x[t, j + w/2]. (T, C) → (T, C)
struct RotateFeatures {
    NodeId input = 0;
    std::size_t heads = 1;
    Matrix angles = {};  ///< (T, w/2) in radians, the same for all blocks
};

/// values[t, c] added to each token: (T, C) → (T, C). The positions of an image's patches.
struct AddConstant {
    NodeId input = 0;
    Matrix values;  ///< (T, C)
};

/// y[t, c] = Σ_k weights[k, c] · x[sources[k][t], c] + bias[c], feature by feature: (T, C) → (T, C). A depthwise
/// convolution over the grid of patches has a tap for each place of its kernel, a shift of windows a single one.
struct MixTokens {
    static constexpr std::int32_t kNothing = -1;  ///< a source beyond the border: 0
    NodeId input = 0;
    std::vector<std::vector<std::int32_t>> sources = {};  ///< for each tap T tokens, or kNothing
    Matrix weights = {};                                  ///< (taps, C)
    std::vector<float> bias = {};                         ///< C entries or none
};

/// Groups of `group` consecutive tokens become one, their features side by side: (T, C) → (T/group, group·C),
/// y[t, j·C + c] = x[t·group + j, c].
struct MergeTokens {
    NodeId input = 0;
    std::size_t group = 4;
};

/// The mean over the tokens of the text, (T, C) → (1, C).
struct TokenMean {
    NodeId input = 0;
};

/// One token, (T, C) → (1, C): the first, where a model puts what it makes of the whole text.
struct SelectToken {
    NodeId input = 0;
    std::size_t token = 0;
};

/// S[h,q,k] = scale · Σ_j query[q, h·w+j] · key[p(q)·W + k, h·w+j] + bias[h, q mod W, k], p(q) = q div W the query's
/// window: (T, H·w) × (T, H·w) → (H, T, W). Keys may be grouped, (T, K·w): then H/K consecutive heads meet each of
/// them.
struct AttentionScores {
    NodeId query = 0;
    NodeId key = 0;
    std::size_t heads = 1;
    double scale = 1;
    std::size_t window = 0;     ///< W, a divisor of T; 0: one window of all T tokens
    Matrix bias = {};           ///< (H·W, W), row h·W + q mod W: relative positions; or empty
    std::size_t key_heads = 0;  ///< K, a divisor of the heads; 0: H
};

/// S[h,q,k] + shift[q,h], the same for all keys: (H, T, W) × (T, H) → (H, T, W). What softmax does not see, and what
/// brings its exponentials into an interval.
struct ShiftScores {
    NodeId scores = 0;
    NodeId shift = 0;
};

/// R[q,h] = Σ_k mask[h,q,k] · A[h,q,k]: (H, T, W) → (T, H). The denominators of a softmax; keys and mask as for
/// AttentionValues.
struct AttentionSums {
    NodeId scores = 0;
    std::size_t heads = 1;
    bool causal = true;
    Matrix mask = {};  ///< (H·T, W), row h·T + q; or empty: 1
};

/// O[q, h·w+j] = Σ_k mask[h,q,k] · A[h,q,k] · value[p(q)·W + k, h·w+j]: (H, T, W) × (T, H·w) → (T, H·w).
/// The mask zeroes what the polynomial makes of keys that a query must not see, and holds what is constant of the other
/// weights: 1/S(L) of the method, and what a key weighs for its distance. Keys beyond the text are never seen. Values
/// may be grouped as keys are: (T, K·w), of which head h takes block h div (H/K). With `averages` the sum is divided by
/// the number of keys that the query sees, in a text that is shorter than T by fewer: 1/L of pointwise attention.
struct AttentionValues {
    NodeId scores = 0;
    NodeId value = 0;
    std::size_t heads = 1;
    bool causal = true;           ///< one window, and the mask is 0 where k > q
    Matrix mask;                  ///< (H·T, W), row h·T + q; or empty: 1 for every key that a query may see
    std::size_t value_heads = 0;  ///< K, a divisor of the heads; 0: H
    bool averages = false;
};

using Operation = std::variant<Input, Linear, FeatureMean, ScaleFeatures, Centre, Add, Multiply, Apply, AddConstant,
                               MixTokens, MergeTokens, TokenMean, SelectToken, AttentionScores, ShiftScores,
                               AttentionSums, AttentionValues, RotateFeatures>;

/// One step of the transformer. `bound` is the largest |value| that calibration saw here, margin included; the compiler
/// keeps value / bound within [-1, 1] in every slot, which bootstrapping needs.
struct Node {
    std::string name;  ///< unique and stable, such as "layers.0.attention.scores"
    Operation operation;
    double bound = 1;
};

/// The whole network: from embedded tokens to logits (T, vocabulary), from patches or a text to logits (1, classes) or
/// to an embedding (1, features).
struct Graph {
    std::size_t context = 0;     ///< T of Input: the greatest number of tokens; all of them for an image
    std::size_t width = 0;       ///< features of Input
    std::size_t vocabulary = 0;  ///< features of the output: words of a vocabulary, classes, or an embedding's
    std::vector<Node> nodes;     ///< nodes.front() is the only Input, nodes.back() gives the logits
};

/// How many blocks of keys there are, or of values: what key_heads and value_heads say, never 0.
std::size_t key_heads_of(const AttentionScores& scores);
std::size_t value_heads_of(const AttentionValues& values);

/// The nodes that `operation` reads, in order.
std::vector<NodeId> inputs_of(const Operation& operation);

/// Throws Error unless the graph is sound: references point backwards, shapes fit, weights, coefficients and bounds are
/// finite, every interval has lower < upper, names are unique, every node is used, the ends are Input and logits of
/// (T, vocabulary) or (1, vocabulary).
void validate(const Graph& graph);

}  // namespace polyformer::model
