// Watches what enters the polynomials of a graph while many texts are evaluated.
//
//     IntervalWatch watch(graph, texts.size());
//     evaluate_batch(graph, texts, Functions::polynomials, watch.observer());
//     merge(all, watch.reports());
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/interpreter/interpreter.h"

namespace polyformer::model {

/// For every node: whether its value is scores of which only the causal half (k ≤ q) can reach the result.
std::vector<bool> causal_scores(const Graph& graph);

/// Counts what lies outside the polynomials' intervals, over all texts and by text.
class IntervalWatch {
  public:
    /// For one call of evaluate_batch() with so many texts. Refers to the graph.
    IntervalWatch(const Graph& graph, std::size_t texts);

    /// Refers to this.
    Observer observer();

    /// One per Apply node, in order, over all texts.
    std::vector<IntervalReport> reports() const;
    /// How many texts had some input outside.
    std::size_t texts_outside() const;

  private:
    void see(NodeId node, std::span<const Tensor> values);

    const Graph& graph_;
    std::vector<bool> causal_;                  ///< by node: scores of which the causal half counts
    std::vector<std::vector<NodeId>> readers_;  ///< by node: the Apply nodes that read it
    std::vector<IntervalReport> reports_;       ///< by node
    std::vector<bool> outside_;                 ///< by text
};

}  // namespace polyformer::model
