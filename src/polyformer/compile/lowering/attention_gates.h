// Attention as gates on complex slots (docs/packing.md): two blocks of scores, of `lanes` key shifts each, are one
// complex ciphertext, for real queries times keys paired as K'[t] + i·K'[t − lanes]; its parts then lie side by side in
// a real one. Everything a layout of attention tells of itself: packing, heads, window.
#pragma once

#include <vector>

#include "polyformer/compile/circuit/circuit_builder.h"
#include "polyformer/compile/circuit/score_masks.h"
#include "polyformer/compile/layout/attention_layout.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

/// Activated scores with mask and length scale multiplied in, (groups · blocks) each.
struct MaskedScores {
    Stored lower;  ///< 0 in the upper lanes
    Stored upper;  ///< 0 in the lower lanes
};

/// One mask for each ciphertext of scores.
std::vector<std::vector<double>> score_masks(const AttentionLayout& heads, Lanes lanes);
std::vector<std::vector<double>> attention_masks(const AttentionLayout& heads, Lanes lanes,
                                                 const model::AttentionValues& values);

/// Queries and keys (groups) → complex scores (groups · blocks), garbage in the upper lanes: gain · Σ query · key.
Stored raw_scores(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& query, const Stored& key,
                  double gain);

/// The two parts of raw scores in the lower and upper lanes of real ciphertexts, with these constants, after `bias`
/// (model::AttentionScores; may be empty) was added. Scores of keys beyond the window are 0.
Stored parted_scores(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& raw,
                     const model::Matrix& bias, const Constants& wanted);

/// Scores and values (groups) → Σ over keys, (groups), times `gain`.
Stored attended_values(CircuitBuilder& builder, const AttentionLayout& heads, const MaskedScores& scores,
                       const Stored& value, double gain);

}  // namespace polyformer::compile
