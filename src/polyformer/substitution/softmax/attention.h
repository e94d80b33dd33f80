// Where a graph holds a softmax: exp of shifted scores, as a square, and sums of what comes out.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "polyformer/model/graph/graph.h"

namespace polyformer::substitution {

/// The nodes of one attention with a softmax that is normalised behind the values.
struct SoftmaxAttention {
    model::NodeId scores = 0;   ///< AttentionScores
    model::NodeId shift = 0;    ///< Linear, (T, C) → (T, H)
    model::NodeId shifted = 0;  ///< ShiftScores; the first where there are two (second_shift.h)
    model::NodeId root = 0;     ///< Apply of exp_half
    model::NodeId weights = 0;  ///< Multiply: the root's square
    model::NodeId values = 0;   ///< AttentionValues
    model::NodeId sums = 0;     ///< AttentionSums
    std::size_t heads = 1;
    bool causal = false;  ///< queries see keys up to their own place
    /// Scores of a public prefix, (T, H·P), and the sums with its weights (public_prefix.h).
    std::optional<model::NodeId> prefix_scores = {};
    model::NodeId all_sums = 0;  ///< the sums, where there is no prefix
};

/// Writes each exp of the graph as the square of a root e^(x/2), "ATTENTION.root" before "ATTENTION.weights". A
/// polynomial is off by some share of its greatest value everywhere, which is far more than a small weight is worth:
/// roots span half as many orders of magnitude, and are smooth enough for half the degree.
void square_exponentials(model::Graph& graph);

/// All of them that square_exponentials() left and that are not in windows, in order of evaluation; attention of any
/// other form is left out.
std::vector<SoftmaxAttention> softmax_attentions(const model::Graph& graph);

/// Whether its scores are shifted twice (second_shift.h).
bool has_second_shift(const model::Graph& graph, const SoftmaxAttention& attention);

}  // namespace polyformer::substitution
