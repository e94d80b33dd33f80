// 1/x where x spans more orders of magnitude than one polynomial can follow: two polynomials, one behind the other.
//
// A polynomial of degree n resolves 1/x down to some 1/n² of the interval's upper end. So a start p(x) of low degree
// first brings t = x·p(x) near 1 wherever it can, and into [δ, 2] everywhere, δ some n² times x's least share of that
// interval; then 1/x = p(x) · 1/t, whose polynomial has n² times less to span. That takes two levels more for the
// products.
#pragma once

#include <cstddef>

#include "polyformer/approx/numerics/chebyshev_polynomial.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::substitution {

/// The polynomial p of this degree with the least greatest |1 − x·p(x)| on an interval above 0, which is below 1:
/// 1 − x·p(x) is a Chebyshev polynomial (as in Chebyshev's semi-iterative method). Throws Error for other intervals.
model::Polynomial inverse_start(approx::Interval interval, std::size_t degree);

/// Where x·p(x) lies for that polynomial and x in the interval. Throws as above.
approx::Interval inverse_rest(approx::Interval interval, std::size_t degree);

/// Writes the reciprocal at `node`, NAME, as the product of "NAME.start", a polynomial that stands for nothing, and
/// "NAME.rest", the reciprocal of "NAME.product". Later nodes move up by three. Throws Error when `node` is no
/// reciprocal.
void compose_inverse(model::Graph& graph, model::NodeId node, approx::Interval interval, std::size_t degree);

}  // namespace polyformer::substitution
