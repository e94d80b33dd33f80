// Builds the graph of a decoder-only, pre-norm transformer from its plain weights, folding everything linear: the
// centring of every LayerNorm goes into the matrices that write the residual stream, gamma and beta into those that
// read a normalised value. What remains of a LayerNorm is x · p(mean(x²)).
#pragma once

#include <cstddef>
#include <vector>

#include "model/bundle.h"
#include "model/graph.h"

namespace polyformer::model {

/// y = x·weight + bias; weight is (C_in, C_out) — the transpose of what LibTorch keeps —, bias C_out entries or none.
struct LinearWeights {
    Matrix weight;
    std::vector<float> bias;
};

/// LayerNorm's affine part, `width` entries each. Its epsilon belongs to the polynomial that stands for 1/√(v + ε).
struct NormWeights {
    std::vector<float> gamma;
    std::vector<float> beta;
};

/// x + output(attention(norm(x))), then x + down(σ(up(norm(x)))).
struct LayerWeights {
    NormWeights attention_norm;
    LinearWeights query;  ///< (width, width), and so key, value and output; head h owns columns [h·d_k, (h+1)·d_k)
    LinearWeights key;
    LinearWeights value;
    LinearWeights output;
    NormWeights feed_forward_norm;
    LinearWeights up;    ///< (width, feed-forward width)
    LinearWeights down;  ///< (feed-forward width, width)
};

/// The weights as training knows them, nothing folded. Scores are scaled by 1/√d_k, d_k = width / heads.
struct TransformerWeights {
    std::size_t heads = 1;
    Matrix tokens;     ///< (vocabulary, width)
    Matrix positions;  ///< (context, width)
    std::vector<LayerWeights> layers;
    NormWeights final_norm;
    LinearWeights logits;             ///< (width, vocabulary); tied: the transpose of `tokens`
    std::vector<float> length_scale;  ///< 1/S(L) of each query position, `context` entries
};

/// The polynomials of one layer. The two of norms stand for v ↦ 1/√(v + ε) of the variance v, the others for σ.
struct LayerPolynomials {
    Polynomial attention_norm;
    Polynomial attention;  ///< σ of the scaled scores
    Polynomial feed_forward_norm;
    Polynomial feed_forward;
};

/// Every polynomial of a transformer.
struct TransformerPolynomials {
    std::vector<LayerPolynomials> layers;
    Polynomial final_norm;
};

/// What the server gets and what the client gets.
struct Transformer {
    Graph graph;
    Embedding embedding;
};

/// Folds and assembles. Nodes, with N the layer: "input", then for every layer
/// "layers.N.attention_norm.{square,variance,inverse_sqrt,output}", "layers.N.attention.{query,key,value,scores,
/// activation,values,output,residual}", "layers.N.feed_forward_norm.{...}", "layers.N.feed_forward.{up,activation,down,
/// residual}"; last "final_norm.{...}" and "logits". Bounds are left at 1: see calibrate(). Throws Error naming the
/// weight whose shape does not fit, and whatever validate() throws.
Transformer build_transformer(const TransformerWeights& weights, const TransformerPolynomials& polynomials);

}  // namespace polyformer::model
