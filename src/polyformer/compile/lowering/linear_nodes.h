// Linear maps and means over features, and what maps can take up.
#pragma once

#include "polyformer/compile/lowering/state.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

void lower(State& state, const model::Input& input);
void lower(State& state, const model::Linear& linear);
void lower(State& state, const model::FeatureMean& mean);
void lower(State& state, const model::ScaleFeatures& scale);
void lower(State& state, const model::Centre& centre);

}  // namespace polyformer::compile
