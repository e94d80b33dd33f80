// Attention of paired heads (AttentionLayout), on complex slots: with features j and lanes + j of each head as one
// complex number, queries times conjugate keys have the scores as their real parts, and weights times values both
// halves of what attention gives. What these functions take and give is as in attention_gates.h, which calls them.
#pragma once

#include <utility>

#include "polyformer/compile/circuit/circuit_builder.h"
#include "polyformer/compile/layout/attention_layout.h"

namespace polyformer::compile {

/// Scores as real parts in the lower lanes; garbage elsewhere.
Stored paired_raw_scores(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& query, const Stored& key,
                         double gain);

Stored paired_attended_values(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& weights,
                              const Stored& value, double gain);

Stored paired_summed_weights(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& weights);

/// Weights, of which those of a public prefix are imaginary, without these; and these, real and as large as `factor`
/// says.
std::pair<Stored, Stored> parted_from_prefix(CircuitBuilder& builder, const Stored& weights);

/// What lies in the lower lanes alone, in the upper ones too.
Stored in_both_halves(CircuitBuilder& builder, const AttentionLayout& heads, const Stored& lower);

}  // namespace polyformer::compile
