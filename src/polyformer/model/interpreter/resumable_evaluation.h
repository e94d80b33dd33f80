// An evaluation of a graph that stops on its way and goes on from there as often as one likes.
//
//     ResumableEvaluation evaluation(graph, texts, Functions::exact);
//     evaluation.advance_to(node);
//     ... = evaluation.output();   // change the graph behind `node`, and again
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/interpreter/interpreter.h"

namespace polyformer::model {

/// What linear maps sum up in. Single precision takes half the time and is right to six digits: enough to see how
/// values are distributed, too little to tell what a good polynomial loses.
enum class Sums { in_double, in_single };

/// What lies before the place is evaluated once, however often what lies behind it changes. Refers to the graph and to
/// the texts, each (T, width).
class ResumableEvaluation {
  public:
    /// Values by node and text, of those that are still read.
    using Values = std::vector<std::vector<Tensor>>;
    using Visit = std::function<void(NodeId node, const Values& values)>;

    /// Throws as evaluate_batch() does.
    ResumableEvaluation(const Graph& graph, std::span<const Tensor> embedded, Functions functions,
                        Sums sums = Sums::in_double);

    /// Evaluates all nodes before this one that are not yet, and calls `visit` after each.
    void advance_to(NodeId node, const Visit& visit = {});
    /// The output, from there on by the graph as it is now; the place stays.
    std::vector<Tensor> output() const;

  private:
    const Graph& graph_;
    std::span<const Tensor> embedded_;
    Functions functions_;
    Sums sums_;
    NodeId next_ = 0;
    Values values_;
};

}  // namespace polyformer::model
