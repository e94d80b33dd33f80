// What replacing sites does to a model's output, tried on a few texts.
#pragma once

#include <cstddef>
#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/substitution/measurement/texts.h"
#include "polyformer/substitution/polynomials/output_loss.h"

namespace polyformer::substitution {

/// Remembers the output of the original on its texts; the graph it is given may then change.
class Trial {
  public:
    Trial(const model::Graph& original, Texts texts, OutputLoss kind);

    LossSummary loss(const model::Graph& graph, model::Functions functions) const;
    /// With this polynomial at `site` and exact functions elsewhere; the graph is as before afterwards.
    double loss_of_site(model::Graph& graph, model::NodeId site, const model::Polynomial& polynomial) const;

  private:
    Texts texts_;
    OutputLoss kind_;
    std::vector<model::Tensor> original_;
};

/// The loss of `substituted` with its polynomials against `original` with exact functions, over any number of texts:
/// outputs are not kept. `observer` sees the polynomials' values.
LossSummary compare(const model::Graph& original, const model::Graph& substituted, const Texts& texts, OutputLoss kind,
                    const model::Observer& observer = {}, const OnProgress& on_progress = {});

}  // namespace polyformer::substitution
