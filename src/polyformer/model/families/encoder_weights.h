// The weights of an encoder whose norms lie behind the sums (BERT and its kin), under names of our own: what every
// family makes of its checkpoint, and what the builder takes.
#pragma once

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "polyformer/model/builders/transformer_builder.h"
#include "polyformer/model/checkpoints/sentence_modules.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::model {

/// What a config says of an encoder's shape.
struct EncoderShape {
    std::size_t width = 0;
    std::size_t layers = 0;
    std::size_t heads = 0;   ///< a divisor of the width
    std::size_t hidden = 0;  ///< width between the maps of the feed-forward part
    std::size_t vocabulary = 0;
    std::size_t types = 1;           ///< rows of the table of token types; 0: there is none
    std::size_t positions = 0;       ///< the greatest number of tokens
    std::size_t first_position = 0;  ///< the row of the first token in the table of positions
    double epsilon = 1e-12;          ///< of all norms
    std::string activation;          ///< between the maps of the feed-forward part, a name that an Apply knows
    /// σ of pointwise attention, Σ σ(score + shift)·value / L with L the number of tokens; empty: softmax.
    std::string attention_function = {};
};

/// x' = norm(x + output(attention(x))), then norm(x' + down(σ(up(x')))).
struct EncoderLayer {
    LinearWeights query;  ///< (width, width), and so key, value and output; head h owns consecutive columns
    LinearWeights key;
    LinearWeights value;
    LinearWeights output;
    NormWeights attention_norm;
    LinearWeights up;    ///< (width, hidden)
    LinearWeights down;  ///< (hidden, width)
    NormWeights feed_forward_norm;
    LinearWeights shift = {};  ///< (width, heads), of pointwise attention: added to the scores of the query
};

/// All but the head, nothing folded.
struct EncoderWeights {
    Matrix tokens;     ///< (vocabulary, width)
    Matrix positions;  ///< (positions, width), the first type's row added
    NormWeights embedding_norm;
    std::vector<EncoderLayer> layers;
};

/// The logits of what stands at every token's place: norm(σ(transform(x))), then a map to the vocabulary.
struct MaskedLanguageHead {
    LinearWeights transform;  ///< (width, width)
    std::string activation;
    NormWeights norm;
    LinearWeights logits;  ///< (width, vocabulary)
};

/// Logits of classes from the first token: σ(pooler(x)), then a map to the classes.
struct ClassifierHead {
    LinearWeights pooler;  ///< (width, width)
    std::string activation;
    LinearWeights logits;  ///< (width, classes)
};

/// A map and what is applied to its result, if anything.
struct EmbeddingMap {
    LinearWeights map;
    std::string activation;
};

/// The text as one vector.
struct EmbeddingHead {
    Pooling pooling = Pooling::mean;
    std::vector<EmbeddingMap> maps;
};

using EncoderHead = std::variant<EmbeddingHead, ClassifierHead, MaskedLanguageHead>;

}  // namespace polyformer::model
