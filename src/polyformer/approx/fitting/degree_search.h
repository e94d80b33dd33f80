// The search behind lowest_degree_for(), for callers with a limit of their own.
#pragma once

#include <cstddef>

#include "polyformer/approx/fitting/approximation.h"

namespace polyformer::approx {

struct DegreeSearch {
    bool met = false;    ///< best.certified_error is within the budget
    Approximation best;  ///< the lowest degree that meets it, or else the best found up to the highest degree
};

/// Minimax polynomials of degree at most `highest`. Throws Error for bad arguments, as minimax() does.
DegreeSearch search_degree(const TargetFunction& target, Interval interval, double error_budget, ErrorKind kind,
                           std::size_t highest);

}  // namespace polyformer::approx
