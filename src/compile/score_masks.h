// Which slots of a ciphertext of scores mean something, and what attention weighs them with.
#pragma once

#include <cstddef>
#include <vector>

#include "compile/packing.h"
#include "model/graph.h"

namespace polyformer::compile {

/// The positions of each head that hold scores: the lower or the upper half of its 2·lanes, or all of them.
enum class Lanes { lower, upper, all };

/// 1 at those positions of heads that exist, 0 elsewhere: (F) for the group.
std::vector<double> lane_mask(const AttentionLayout& layout, std::size_t group, Lanes lanes);

/// mask[h,q,k] / largest |mask| at the slot of head h, query q and key k if it is among `lanes`; 0 in all other slots.
/// Length T·F. Rows beyond the context, which nobody reads, weigh the tokens before them as its last row does.
/// 0 ≤ group < layout.groups, 0 ≤ block < layout.blocks.
std::vector<double> attention_mask(const Packing& packing, const AttentionLayout& layout, std::size_t group,
                                   std::size_t block, Lanes lanes, const model::AttentionValues& values);

/// The divisor above; 1 when all are zero.
double largest_mask(const model::AttentionValues& values);

}  // namespace polyformer::compile
