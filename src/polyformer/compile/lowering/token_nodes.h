// What mixes, merges or selects tokens, and constants by token.
#pragma once

#include "polyformer/compile/lowering/state.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

void lower(State& state, const model::AddConstant& sum);
void lower(State& state, const model::RotateFeatures& turn);
void lower(State& state, const model::MixTokens& mix);
void lower(State& state, const model::MergeTokens& merge);
void lower(State& state, const model::TokenMean& mean);
void lower(State& state, const model::SelectToken& select);

}  // namespace polyformer::compile
