// Attention as gates on complex slots (docs/packing.md): two blocks of scores, of `lanes` key shifts each, are one
// complex ciphertext, for real queries times keys paired as K'[t] + i·K'[t − lanes]; its parts then lie side by side in
// a real one. Everything a layout of attention tells of itself: packing, heads, window.
#pragma once

#include <optional>
#include <vector>

#include "polyformer/compile/circuit/circuit_builder.h"
#include "polyformer/compile/layout/attention_layout.h"
#include "polyformer/compile/layout/score_masks.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

/// One mask for each ciphertext of scores.
std::vector<std::vector<double>> score_masks(const AttentionLayout& heads, Lanes lanes);
/// The same of the weights that attention gives to keys; `weights` as in model::AttentionValues, for texts of up to
/// `context` tokens, with so many of a public prefix behind them (ScoreMask).
std::vector<ScoreMask> attention_masks(const AttentionLayout& heads, std::size_t context, bool causal,
                                       const model::Matrix& weights, std::size_t prefix = 0);

/// Queries and keys (groups) → complex scores (groups · blocks), garbage in the upper lanes: gain · Σ query · key.
Stored raw_scores(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& query, const Stored& key,
                  double gain);

/// Raw scores plus, for each query and head, a number of its own: `shift` lies by head. Any factors will do.
Stored shifted_scores(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& raw, const Stored& shift);

/// The same of scores that have been parted, or of what is made of them: `shift` lies in all lanes, without a shift.
Stored shifted_parts(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& scores, Stored shift);

/// The two parts of raw scores in the lower and upper lanes of real ciphertexts, with these constants, after `bias`
/// (model::AttentionScores; may be empty) was added. Scores of keys beyond the window are 0. Those of a public prefix
/// may lie behind paired ones, and come with half of the factor.
Stored parted_scores(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& raw,
                     const model::Matrix& bias, const Constants& wanted, const std::optional<Stored>& behind);

// What follows reads weights, (groups · blocks): activated scores under the masks above. They are complex, those of the
// lower lanes real, those of the upper lanes imaginary, and half as large as `factor` says, for both are found by
// taking something twice.

/// Weights and values (groups) → Σ over keys, (groups), times `gain`.
Stored attended_values(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& weights,
                       const Stored& value, double gain);

/// Weights → Σ over keys (groups), in all lower lanes of each head; sums over parts of two heads in the upper ones.
Stored summed_weights(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& weights);

}  // namespace polyformer::compile
