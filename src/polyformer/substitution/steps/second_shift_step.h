// Second shifts where sums spread too far for what a bootstrap leaves of small ones.
#pragma once

#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/substitution/softmax/attention.h"
#include "polyformer/substitution/steps/measured_sites.h"
#include "polyformer/substitution/steps/options.h"

namespace polyformer::substitution {

/// Adds them, by what was measured of the sums; whether there were any. Nodes move up, also in `attentions`.
bool add_second_shifts(model::Graph& graph, std::vector<SoftmaxAttention>& attentions, const MeasuredSites& sites);

/// Polynomials for the first looks, before anything else is measured behind them: they need not be exact, for softmax
/// does not see shifts, but what they make of the sums decides intervals. They are no sites afterwards.
std::vector<FixedPolynomial> fix_second_shifts(model::Graph& graph, const MeasuredSites& sites,
                                               const SubstitutionOptions& options);

}  // namespace polyformer::substitution
