// What deeper polynomials would cost: the same model compiled with other degrees.
// Input: a transformer's graph and options. Output: a plan's summary for each choice of depths.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "polyformer/compile/plan/plan.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

/// Depths of a half layer's polynomials; a model without norm polynomials (BatchNorm) has none to add.
struct HalfDepths {
    int norm = 0;
    int activation = 0;
    int sum() const { return norm + activation; }
};

/// One choice for every layer, and what comes of it.
struct DepthCosts {
    HalfDepths attention;
    HalfDepths feed_forward;
    /// Nothing where no placement of bootstraps holds the choice.
    std::optional<PlanSummary> summary;
};

/// The same plan for polynomials of other depths, coefficients being of no matter: every pair of half layers whose
/// depths add up to `least` … `most` (norm and activation half each, the activation one more of odd sums). Where a half
/// has no norm polynomial, least − 3 … most − 3, at least 1, all of it the activation's. Each polynomial has the
/// highest degree of its depth, 2^depth − 1; the final norm stays as it is. Throws Error when the graph's nodes are not
/// named as model::build_transformer() does, for sums below 2 or above 16, and what compile() throws for the graph as
/// it is.
std::vector<DepthCosts> depth_budget(const model::Graph& graph, const PlanOptions& options, int least = 6,
                                     int most = 11);

/// Blocks of the transformer, by its nodes' names.
std::size_t layers_of(const model::Graph& graph);

}  // namespace polyformer::compile
