// Where a graph holds a softmax: exp of shifted scores, and sums of what comes out.
#pragma once

#include <cstddef>
#include <vector>

#include "polyformer/model/graph/graph.h"

namespace polyformer::substitution {

/// The nodes of one attention with a softmax that is normalised behind the values.
struct SoftmaxAttention {
    model::NodeId scores = 0;   ///< AttentionScores
    model::NodeId shift = 0;    ///< Linear, (T, C) → (T, H)
    model::NodeId shifted = 0;  ///< ShiftScores; the first where there are two (second_shift.h)
    model::NodeId weights = 0;  ///< Apply of exp
    model::NodeId values = 0;   ///< AttentionValues
    model::NodeId sums = 0;     ///< AttentionSums
    std::size_t heads = 1;
};

/// All of them that are neither causal nor in windows, in order of evaluation; attention of any other form is left out.
std::vector<SoftmaxAttention> softmax_attentions(const model::Graph& graph);

}  // namespace polyformer::substitution
