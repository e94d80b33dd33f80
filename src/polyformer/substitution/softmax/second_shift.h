// Attention whose log-sum-exps no linear map predicts well: a second shift, made of a first look at the scores.
//
// With Z = Σ e^S over the keys and Y = Σ e^(S/2), Y² lies between Z and T·Z for T keys. So 2·log Y is log Z up to log
// T, whatever the text: shifted by it, the exponentials' sums lie in [1/T, 1]. The sums Y spread half as far, in
// logarithms, as the sums Z did, and what log makes of them need not be exact: softmax does not see shifts. That costs
// exponentials of all scores and one polynomial of their sums more.
#pragma once

#include <cstddef>
#include <span>

#include "polyformer/model/graph/graph.h"
#include "polyformer/substitution/softmax/attention.h"

namespace polyformer::substitution {

/// Adds "ATTENTION.glance" (exp_half of the shifted scores), "ATTENTION.glance_sums", "ATTENTION.glance_log",
/// "ATTENTION.correction" and "ATTENTION.corrected", which the root of attention `index` then reads. Later nodes
/// move up by five, also in `attentions`.
/// Throws Error for an attention with a public prefix.
void add_second_shift(model::Graph& graph, std::span<SoftmaxAttention> attentions, std::size_t index);

}  // namespace polyformer::substitution
