// Scores under a mask, as attention reads them: once for each of the masks that there are.
#pragma once

#include "polyformer/compile/lowering/state.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

WeighedKeys keys_of(const State& state, model::NodeId reader);

/// What was made of a node of scores for these keys, or nothing.
std::optional<Stored> find_weights(const State& state, model::NodeId scores, const WeighedKeys& keys);

/// gate(input) under the mask; the gate's constants are those of half of what lies in its lanes.
Stored add_weights(State& state, model::NodeId scores, const WeighedKeys& keys, const Stored& input,
                   PolynomialGate gate);

/// Found, or made by a product with the mask.
Stored weights_for(State& state, model::NodeId scores, const WeighedKeys& keys);

/// The roots of the masks ride on the polynomial.
void lower_squared_weights(State& state, model::NodeId half);

}  // namespace polyformer::compile
