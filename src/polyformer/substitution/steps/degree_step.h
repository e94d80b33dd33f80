// Polynomials of several degrees for each function, tried alone, and one of each chosen.
#pragma once

#include <cstddef>
#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/substitution/polynomials/degree_choice.h"
#include "polyformer/substitution/polynomials/prices.h"
#include "polyformer/substitution/polynomials/site_fit.h"
#include "polyformer/substitution/polynomials/trial.h"
#include "polyformer/substitution/steps/measured_sites.h"
#include "polyformer/substitution/steps/options.h"

namespace polyformer::substitution {

/// A site's polynomials, and what each does to the output alone.
struct TriedDegrees {
    std::vector<SiteFit> fits = {};
    std::vector<DegreeOption> options = {};
    std::size_t pick = 0;
};

/// For each site, until a higher degree is not worth trying; of a model with many sites each at one degree, from which
/// the losses at others follow by their errors. The graph is as before afterwards.
std::vector<TriedDegrees> try_degrees(model::Graph& graph, const MeasuredSites& sites, const Trial& trial,
                                      const Prices& prices, const SubstitutionOptions& options);

/// Picks the cheapest within the budget and writes their polynomials into the graph. Throws Error when none of some
/// site keeps the output finite.
void choose(model::Graph& graph, const MeasuredSites& sites, std::vector<TriedDegrees>& tried, double budget);

}  // namespace polyformer::substitution
