// The end of a circuit: which rows of logits leave, and where they lie.
#pragma once

#include "polyformer/compile/analysis/facts.h"
#include "polyformer/compile/circuit/circuit_builder.h"
#include "polyformer/compile/circuit/linear_maps.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

/// One token's logits, in all rows if there are several: nothing to select. `logits` are the facts of the output node.
bool has_one_row(const NodeFacts& logits, const model::Graph& graph);

/// Each token's logits, as they lie. What the client is not promised is zeroed: rows that can lie beyond a text, which
/// hold what the model makes of its repetition, and positions between logits. That takes a level; a model that fills
/// its rows, with zeros between them, needs no mask.
void give_all_rows(CircuitBuilder& builder, const Stored& logits, const NodeFacts& facts, const model::Graph& graph);

/// The last token's logits, or those of all tokens together where the model has one row; 0 between them, by a mask
/// where they are not yet.
void give_row(CircuitBuilder& builder, const Stored& logits, const NodeFacts& facts, const model::Graph& graph);

/// The same for logits = map(source), not made yet. The last token's row is copied to all rows first, so that the map
/// can spread the logits over all of them. Where rows are equal as they are, and hold all logits of a few classes, that
/// would only cost more.
void give_row_of_map(CircuitBuilder& builder, const FeatureMap& map, Stored source, const NodeFacts& facts,
                     const model::Graph& graph);

}  // namespace polyformer::compile
