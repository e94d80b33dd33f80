// What texts that took no part in an import say of it.
#pragma once

#include <cstddef>
#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/substitution/polynomials/trial.h"
#include "polyformer/substitution/steps/measured_sites.h"
#include "polyformer/substitution/steps/options.h"

namespace polyformer::substitution {

/// What became of the output, and for each site how many texts left its interval.
struct HeldOutResult {
    Comparison output = {};
    std::vector<std::size_t> outside = {};
};

/// Evaluates both graphs on the held-out texts.
HeldOutResult check_held_out(const model::Graph& original, const model::Graph& graph, const MeasuredSites& sites,
                             const CalibrationTexts& texts, const SubstitutionOptions& options);

/// Sets every node's bound to what a text exceeds with the probability asked for, with room. Throws Error when all
/// texts of the sample were lost.
void set_bounds(model::Graph& graph, const GraphStatistics& seen, const SubstitutionOptions& options);

}  // namespace polyformer::substitution
