// Starts before reciprocals that one polynomial does not follow.
#pragma once

#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/substitution/polynomials/trial.h"
#include "polyformer/substitution/steps/measured_sites.h"
#include "polyformer/substitution/steps/options.h"

namespace polyformer::substitution {

/// Puts a start (composed_inverse.h) before each reciprocal at which the highest degree alone loses too much of the
/// budget. Returns the starts; nodes move up where there are any.
std::vector<FixedPolynomial> compose_inverses(model::Graph& graph, const MeasuredSites& sites, const Trial& trial,
                                              const SubstitutionOptions& options);

}  // namespace polyformer::substitution
