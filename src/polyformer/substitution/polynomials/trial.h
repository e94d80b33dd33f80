// What replacing sites does to a model's output, tried on a few texts.
#pragma once

#include <cstddef>
#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/interpreter/resumable_evaluation.h"
#include "polyformer/substitution/measurement/next_tokens.h"
#include "polyformer/substitution/measurement/texts.h"
#include "polyformer/substitution/polynomials/output_loss.h"

namespace polyformer::substitution {

/// Remembers the output of the original on its texts; the graph it is given may then change.
class Trial {
  public:
    Trial(const model::Graph& original, const Texts& texts, OutputLoss kind);

    LossSummary loss(const model::Graph& graph, model::Functions functions) const;

  private:
    friend class SiteTrial;
    std::vector<model::Tensor> inputs_;
    OutputLoss kind_;
    std::vector<model::Tensor> original_;
};

/// Tries polynomials at one site after the other, in order of evaluation, with exact functions elsewhere: what lies
/// before a site is evaluated once, and sums are in single precision: losses below some 1e-9 are rounding. Refers to
/// trial and graph, whose nodes must stay where they are.
class SiteTrial {
  public:
    SiteTrial(const Trial& trial, model::Graph& graph);
    /// The mean loss; the graph is as before afterwards. No site that lies before an earlier one.
    double loss(model::NodeId site, const model::Polynomial& polynomial);

  private:
    const Trial& trial_;
    model::Graph& graph_;
    model::ResumableEvaluation evaluation_;
};

/// A graph with polynomials beside the original. `before` and `after` are of graphs that predict next tokens.
struct Comparison {
    LossSummary loss = {};
    NextTokens before = {};
    NextTokens after = {};
    std::size_t rows = 0;   ///< of all outputs
    std::size_t alike = 0;  ///< those whose greatest value is in the same place
};

/// The loss of `substituted` with its polynomials against `original` with exact functions, over any number of texts:
/// outputs are not kept. `observer` sees the polynomials' values.
Comparison compare(const model::Graph& original, const model::Graph& substituted, const Texts& texts, OutputLoss kind,
                   const model::Observer& observer = {}, const OnProgress& on_progress = {});

}  // namespace polyformer::substitution
