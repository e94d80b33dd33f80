// Attention's operations, one text at a time, in double precision.
#pragma once

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/interpreter/interpreter.h"

namespace polyformer::model {

/// (T, H·w) × (T, K·w) → (H·T, W)
Tensor attention_scores(const AttentionScores& scores, const Tensor& query, const Tensor& key);

/// (H·T, W) plus (T, H): the same for all keys.
Tensor shift_scores(const Tensor& scores, const Tensor& shift);

/// (H·T, W) → (T, H)
Tensor attention_sums(const AttentionSums& attention, const Tensor& scores);

/// (H·T, W) × (T, K·w) → (T, H·w)
Tensor attention_values(const AttentionValues& attention, const Tensor& scores, const Tensor& value);

}  // namespace polyformer::model
