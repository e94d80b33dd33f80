// The plain weights of a vision transformer, stage by stage, and the polynomials that go with them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "polyformer/model/builders/transformer_builder.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::model {

/// x + local(x), then x + output(attention(norm(x))), then x + down(σ(hidden_norm(h + hidden_local(h)))), h =
/// up(norm(x)).
struct VisionLayerWeights {
    Matrix local;                   ///< (9, width): a depthwise 3×3 convolution over the grid, row by row; or empty
    std::vector<float> local_bias;  ///< width entries, or none
    NormWeights attention_norm;
    LinearWeights query;  ///< (width, width), and so key, value and output; head h owns columns [h·d_k, (h+1)·d_k)
    LinearWeights key;
    LinearWeights value;
    LinearWeights output;
    double score_scale = 0;         ///< the factor on QKᵀ, above 0
    std::vector<float> head_scale;  ///< of each head's scaled scores (BatchNorm2d over heads), `heads` entries or none
    Matrix score_bias;  ///< (heads·W, W), added after head_scale: relative positions, BatchNorm2d's shift; or empty
    Matrix mask;  ///< (heads·T, W): what multiplies σ of the scores; T in the order of the (shifted) windows, and
                  ///< here as in score_bias the patches of a window in the order that stage_order() gives them
    NormWeights feed_forward_norm;
    LinearWeights up;         ///< (width, feed-forward width)
    Matrix hidden_local;      ///< (9, feed-forward width): such a convolution of up's output, added to it; or empty
    NormWeights hidden_norm;  ///< between up and σ; empty: none
    LinearWeights down;       ///< (feed-forward width, width)
    std::size_t shift = 0;    ///< windows begin `shift` rows and columns of patches further on, cyclically; below their
                              ///< side, and 0 where there is one window
};

/// Layers on one grid of patches.
struct VisionStageWeights {
    std::size_t rows = 0;  ///< of the grid
    std::size_t columns = 0;
    std::size_t window = 0;  ///< side of a window of attention, in patches; 0: the whole grid
    std::size_t heads = 1;
    NormWeights merge_norm = {};  ///< of 4·(width of the stage before); empty where nothing is merged
    LinearWeights merge = {};     ///< 2×2 patches become one: (4·width before, width), patches row by row; or empty
    std::vector<VisionLayerWeights> layers = {};
};

/// All norms are BatchNorms in their affine form (see NormWeights).
struct VisionWeights {
    LinearWeights patches;  ///< (features of a patch, width)
    Matrix positions;       ///< (T, width), row by row of the grid; or empty
    std::vector<VisionStageWeights> stages;
    NormWeights final_norm;
    LinearWeights classes;  ///< (width, classes), of the mean over tokens
    std::string attention_function = "sigmoid";
    std::string feed_forward_function = "gelu";
};

/// One of each in every layer, all stages' layers one after the other.
struct VisionPolynomials {
    std::vector<Polynomial> attention;
    std::vector<Polynomial> feed_forward;
};

}  // namespace polyformer::model
