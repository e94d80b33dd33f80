// Which slots of a ciphertext of scores mean something, and what attention weighs them with or adds to them.
#pragma once

#include <cstddef>
#include <vector>

#include "polyformer/compile/layout/attention_layout.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

/// The positions of each head that hold scores: the lower or the upper half of its 2·lanes, or all of them.
enum class Lanes { lower, upper, all };

/// 1 at those positions of heads that exist, 0 elsewhere: (F) for the group.
std::vector<double> lane_mask(const AttentionLayout& layout, std::size_t group, Lanes lanes);

/// mask[h,q,k] / largest |mask| at the slot of head h, query q and key k if it is among `lanes`; 0 in all other slots.
/// Length T·B·F. Rows beyond the context, which nobody reads, weigh the tokens before them as its last row does.
/// 0 ≤ group < layout.groups, 0 ≤ block < layout.blocks.
std::vector<double> attention_mask(const AttentionLayout& layout, std::size_t group, std::size_t block, Lanes lanes,
                                   const model::AttentionValues& values);

/// The divisor above; 1 when all are zero.
double largest_mask(const model::AttentionValues& values);

/// What window_mask() is for: scores as they lie, those of the lower lanes, or those of the upper ones moved down.
enum class Halves { all, lower, upper_moved_down };

/// 1 where a query meets a key of its own window, 0 elsewhere, in the lower lanes only unless for all. Length T·B·F.
/// Needs a layout with a window.
std::vector<double> window_mask(const AttentionLayout& layout, std::size_t group, std::size_t block, Halves halves);

/// factor · bias[h, q mod W, k] + shift wherever a score lies, 0 elsewhere; for context tokens, those beyond being
/// copies of the first. `bias` as in model::AttentionScores, not empty. Length T·B·F.
std::vector<double> score_addend(const AttentionLayout& layout, std::size_t group, std::size_t block,
                                 const model::Matrix& bias, double factor, double shift);

}  // namespace polyformer::compile
