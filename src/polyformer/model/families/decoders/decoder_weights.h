// The weights of a decoder whose norms lie before its parts (LLaMA, GPT-2 and their kin), under names of our own: what
// every family makes of its checkpoint, and what the builder takes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "polyformer/model/builders/transformer_builder.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::model {

/// What a config says of a decoder's shape.
struct DecoderShape {
    std::size_t width = 0;
    std::size_t layers = 0;
    std::size_t heads = 0;       ///< of queries
    std::size_t key_heads = 0;   ///< of keys and values, a divisor of the heads
    std::size_t head_width = 0;  ///< features of each
    std::size_t hidden = 0;      ///< width between the maps of the feed-forward part
    std::size_t vocabulary = 0;
    std::size_t positions = 0;               ///< the greatest number of tokens
    NormKind norm = NormKind::layer_norm;    ///< or rms_norm
    double epsilon = 0;                      ///< of all norms
    std::string activation;                  ///< of the feed-forward part, a name that an Apply knows
    std::vector<double> rotary_frequencies;  ///< radians a token, for each pair of a head's features; or empty
    std::vector<double> score_scales;        ///< of each layer
    bool attention_bias = false;             ///< whether query, key and value have a bias
    bool output_bias = false;                ///< whether the map behind attention has one
    bool feed_forward_bias = false;          ///< whether the maps of the feed-forward part have one
    bool causal = true;                      ///< whether tokens look back only
    bool tied = true;                        ///< logits by the matrix that embeds tokens
};

/// x + output(attention(norm(x))), then x + down(σ(up(norm(x)))), or x + down(σ(gate(norm(x))) ⊙ up(norm(x))). An
/// RMSNorm has no beta.
struct DecoderLayer {
    NormWeights attention_norm;
    LinearWeights query;  ///< (width, heads·head width)
    LinearWeights key;    ///< (width, key heads·head width), and so value
    LinearWeights value;
    LinearWeights output;  ///< (heads·head width, width)
    NormWeights feed_forward_norm;
    std::optional<LinearWeights> gate = {};  ///< (width, hidden)
    LinearWeights up;                        ///< (width, hidden)
    LinearWeights down;                      ///< (hidden, width)
};

/// What is not part of a layer, nothing folded.
struct DecoderTables {
    Matrix tokens;          ///< (vocabulary, width)
    Matrix positions = {};  ///< (positions, width), or empty
    NormWeights final_norm;
};

}  // namespace polyformer::model
