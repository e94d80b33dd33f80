// Builds the graph of a decoder-only, pre-norm transformer from its plain weights, folding everything linear: the
// centring of every LayerNorm goes into the matrices that write the residual stream, gamma and beta of any norm into
// those that read a normalised value. What remains of a LayerNorm or RMSNorm is x · p(mean(x²)), of a BatchNorm
// nothing.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/language/embedding.h"

namespace polyformer::model {

/// y = x·weight + bias; weight is (C_in, C_out) — the transpose of what LibTorch keeps —, bias C_out entries or none.
struct LinearWeights {
    Matrix weight;
    std::vector<float> bias;
};

/// What a transformer's norms do before their affine part n ⊙ gamma + beta.
enum class NormKind {
    layer_norm,  ///< n = (x − mean(x)) · p(variance(x)), p standing for 1/√(v + ε)
    rms_norm,    ///< n = x · p(mean(x²)), nothing centred
    batch_norm,  ///< n = x: the running statistics are constants, and part of gamma and beta
};

/// A norm's affine part, `width` entries each. The epsilon of a LayerNorm or RMSNorm belongs to the polynomial. Of a
/// BatchNorm it is the whole: gamma = γ/√(var + ε) and beta = β − mean·γ/√(var + ε) of its running mean and variance.
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
    Matrix mask;  ///< (heads·context, context): what multiplies σ of the scores, 0 for later keys
    NormWeights feed_forward_norm;
    LinearWeights up;    ///< (width, feed-forward width)
    LinearWeights down;  ///< (feed-forward width, width)
};

/// The weights as training knows them, nothing folded.
struct TransformerWeights {
    std::size_t heads = 1;
    NormKind norm = NormKind::layer_norm;        ///< of all norms
    std::string attention_function = "gelu";     ///< σ of the scores, a name that evaluate_exact() knows
    std::string feed_forward_function = "gelu";  ///< σ between up and down, likewise
    double score_scale = 0;  ///< the factor on QKᵀ, above 0; usually 1/√d_k, d_k = width / heads
    Matrix tokens;           ///< (vocabulary, width)
    Matrix positions;        ///< (context, width)
    std::vector<LayerWeights> layers;
    NormWeights final_norm;
    LinearWeights logits;  ///< (width, vocabulary); tied: the transpose of `tokens`
};

/// The polynomials of one layer. Those of norms stand for v ↦ 1/√(v + ε), v the variance (LayerNorm) or the mean square
/// (RMSNorm); a BatchNorm has none.
struct LayerPolynomials {
    std::optional<Polynomial> attention_norm;
    Polynomial attention;  ///< σ of the scaled scores
    std::optional<Polynomial> feed_forward_norm;
    Polynomial feed_forward;  ///< σ between up and down
};

/// Every polynomial of a transformer.
struct TransformerPolynomials {
    std::vector<LayerPolynomials> layers;
    std::optional<Polynomial> final_norm;
};

/// What the server gets and what the client gets.
struct Transformer {
    Graph graph;
    Embedding embedding;
};

/// Folds and assembles. Nodes, with N the layer: "input", then for every layer
/// "layers.N.attention_norm.{square,variance,inverse_sqrt,output}", "layers.N.attention.{query,key,value,scores,
/// activation,values,output,residual}", "layers.N.feed_forward_norm.{...}", "layers.N.feed_forward.{up,activation,down,
/// residual}"; last "final_norm.{...}" and "logits". With batch_norm there are no norm nodes: the maps read the
/// residual stream. Bounds are left at 1: see calibrate(). Throws Error naming the weight whose shape does not fit, the
/// norm whose polynomial is missing or of no use, a score_scale that is not positive and finite; and whatever
/// validate() throws.
Transformer build_transformer(const TransformerWeights& weights, const TransformerPolynomials& polynomials);

}  // namespace polyformer::model
