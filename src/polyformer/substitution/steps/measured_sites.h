// What enters every function, and the interval that each polynomial must hold on.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/substitution/measurement/site_statistics.h"
#include "polyformer/substitution/polynomials/site_fit.h"
#include "polyformer/substitution/steps/options.h"

namespace polyformer::substitution {

/// A polynomial that need not be exact, for what follows makes up for it: before a reciprocal (composed_inverse.h), or
/// in a second shift (second_shift.h).
struct FixedPolynomial {
    std::string name;
    SiteInterval interval;
    std::size_t degree = 0;
};

/// All functions of a graph that polynomials are to replace.
struct MeasuredSites {
    GraphStatistics seen;                 ///< seen.sites in order of evaluation
    std::vector<SiteInterval> intervals;  ///< of each site
    /// Sites that one polynomial serves, for what enters either: weights of a text and of its public prefix. Their
    /// scores can then share a ciphertext, a bootstrap and the polynomial itself under encryption.
    std::vector<std::pair<std::size_t, std::size_t>> twins = {};

    /// The site whose function reads this node.
    std::optional<std::size_t> reading(const model::Graph& graph, model::NodeId node) const;
};

/// What exact functions meet in sample and stress texts; of the graph's last node, which may be wide, in some of them.
GraphStatistics measure(const model::Graph& graph, const CalibrationTexts& texts, const SubstitutionOptions& options);

/// The same after nodes were put into a graph that leave all values as they were, from what was `seen` before, when
/// nodes had these names: what is new is measured on some of the texts.
GraphStatistics measure_added(const model::Graph& graph, const std::vector<std::string>& names_before,
                              const GraphStatistics& seen, const CalibrationTexts& texts,
                              const SubstitutionOptions& options);

/// Intervals by what was seen. `fixed` are the polynomials that are in the graph already: what follows them has an
/// interval by arithmetic. Throws Error when the graph names no function.
MeasuredSites sites_of(const model::Graph& graph, GraphStatistics seen, const SubstitutionOptions& options,
                       const std::vector<FixedPolynomial>& fixed);

}  // namespace polyformer::substitution
