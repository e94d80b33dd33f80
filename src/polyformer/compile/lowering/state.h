// What the lowering of each node reads, and what it adds to.
#pragma once

#include <optional>
#include <vector>

#include "polyformer/compile/analysis/facts.h"
#include "polyformer/compile/analysis/token_factors.h"
#include "polyformer/compile/circuit/circuit_builder.h"
#include "polyformer/compile/layout/packing.h"
#include "polyformer/compile/lowering/stored_forms.h"
#include "polyformer/compile/plan/options.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

/// The keys that attention reads, and what they weigh besides.
struct WeighedKeys {
    bool causal = true;
    const model::Matrix* weights = nullptr;
    bool averages = false;
};

/// Of a node of scores: what is left of it under a mask.
struct ScoreWeights {
    WeighedKeys keys;
    Stored stored;  ///< as attention reads it (attention_gates.h)
};

/// A circuit in the making, and the node of the graph that is being lowered.
struct State {
    State(const model::Graph& the_graph, const Packing& packing, Positions which, TokenFactors factors,
          Diagonals diagonals);
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    /// Of the node that is being lowered.
    const NodeFacts& facts() const { return all_facts[node]; }
    bool gives_one_row() const;
    /// A result in the node's layout: over its bound, whatever its storage says.
    void produce_natural(Stored result);

    const model::Graph& graph;
    Positions positions;
    CircuitBuilder builder;
    std::vector<NodeFacts> all_facts;
    StoredForms forms;
    std::vector<std::vector<ScoreWeights>> weights;  ///< by node of scores
    std::vector<bool> suited;  ///< by node; factors stored so that the product comes out over its own bound
    std::vector<std::optional<TokenFactor>> postponed;  ///< by node; products that the maps behind them make up for
    model::NodeId node = 0;                             ///< being lowered
    bool finished = false;                              ///< the output is recorded
};

/// Whether values of attention, or the sum of them that this node is, are multiplied by a number for each head.
bool normalised_later(const State& state, model::NodeId id);

}  // namespace polyformer::compile
