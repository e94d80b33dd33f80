// Scores of attention and what is made of them.
#pragma once

#include "polyformer/compile/lowering/state.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

void lower(State& state, const model::AttentionScores& scores);
void lower(State& state, const model::ShiftScores& shift);
void lower(State& state, const model::AttentionSums& sums);
void lower(State& state, const model::AttentionValues& values);

}  // namespace polyformer::compile
