// What is taken off the scores of each query and head, so that exp sees one interval and the sums of its values lie
// near 1: a prediction of their log-sum-exp, linear in what the shift's map reads.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/substitution/measurement/regression.h"
#include "polyformer/substitution/softmax/attention.h"

namespace polyformer::substitution {

/// How far a head's true log-sum-exps lie from the prediction, over texts that did not take part in the fit.
struct HeadResidual {
    double smallest = 0;
    double largest = 0;
    double deviation = 0;  ///< root of the mean square before they were moved
};

/// Fits the shifts of all attentions from one pass over calibration texts with exact functions: give every node's
/// values to observe(). Every eighth text is held out, for the residuals.
class ShiftFit {
  public:
    explicit ShiftFit(const model::Graph& graph);
    void observe(model::NodeId node, std::span<const model::Tensor> values);

    const std::vector<SoftmaxAttention>& attentions() const { return attentions_; }
    /// Writes minus the prediction into the maps of `graph`, moved so that the residuals of all heads end at the
    /// same value. Returns the residuals, (attentions, heads). Throws Error
    /// when there were no texts.
    std::vector<std::vector<HeadResidual>> apply_to(model::Graph& graph) const;

  private:
    /// Inputs (rows, C) and log-sum-exps (rows, H).
    struct Rows {
        std::vector<double> inputs;
        std::vector<double> targets;
        void add(const model::Tensor& input, std::span<const double> target);
    };

    std::vector<SoftmaxAttention> attentions_;
    std::vector<Regression> regressions_;
    std::vector<Rows> held_out_;
    std::vector<std::size_t> seen_;                               ///< texts, for each attention
    std::map<model::NodeId, std::vector<model::Tensor>> inputs_;  ///< what the shifts of later nodes read
    std::vector<std::vector<std::size_t>> reading_, scored_;      ///< attentions by input, by scores
    std::vector<bool> prefixed_;                                  ///< by node: scores that others of it follow
    std::vector<model::Tensor> other_scores_;                     ///< of such a node
    std::vector<model::NodeId> input_of_;                         ///< of each attention's shift
};

}  // namespace polyformer::substitution
