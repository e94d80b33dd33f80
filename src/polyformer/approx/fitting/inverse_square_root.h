// 1/√v for a range of v: a minimax polynomial, or a shorter one refined by Newton steps.
#pragma once

#include <cstddef>
#include <vector>

#include "polyformer/approx/numerics/chebyshev_polynomial.h"

namespace polyformer::approx {

/// y ← linear·y − cubic·v·y³. The classic step has 3/2 and 1/2, and leaves errors of one sign only, 3/2·e²; with
/// coefficients chosen for the largest error δ before it (the minimax combination of t and t³ on [1−δ, 1+δ]) the error
/// after it is centred and half as large. The relative error is certified through each step in closed form.
struct NewtonStep {
    double linear = 1.5;
    double cubic = 0.5;
};

/// Levels a Newton step consumes: (cubic·v)·y beside y·y, then their product. cubic·v and linear·y are products with
/// constants on a level that is free anyway. Goldschmidt's form of the iteration has the same error and depth per step,
/// but starts with one level more for v·y, so that it never wins here.
inline constexpr std::size_t newton_step_depth = 2;
/// Products of two ciphertexts in a Newton step.
inline constexpr std::size_t newton_step_products = 3;

/// y₀ = start(v), then the steps in order.
struct InverseSquareRootPlan {
    ChebyshevPolynomial start;
    std::vector<NewtonStep> newton_steps;
    std::size_t depth = 0;          ///< start.depth() + newton_step_depth · steps
    std::size_t products = 0;       ///< products of two ciphertexts, products_of_degree() for the start
    double max_relative_error = 0;  ///< certified: |y·√v − 1| is nowhere larger on the start's interval

    double operator()(double v) const;
};

/// Products of two ciphertexts that Paterson–Stockmeyer takes in the Chebyshev basis at depth ⌈log2(degree+1)⌉: with m
/// baby steps, a power of two, m − 1 for T_2 ... T_m, one for each T_2m, T_4m, ... up to the degree's half, and one to
/// attach each block of m coefficients but the first; or degree − 1 for all T_k. The best m counts.
std::size_t products_of_degree(std::size_t degree);

/// The plan with the lowest certified error within `depth` levels, the start's degree at most `max_start_degree`.
/// A single polynomial of full degree 2^depth − 1 always has the lowest error of its depth, so Newton steps come in
/// only where the start's degree is capped.
/// Throws Error unless 0 < lower < upper < ∞, depth is in [1, 32] and max_start_degree in [1, max_degree].
InverseSquareRootPlan inverse_square_root(Interval interval, std::size_t depth, std::size_t max_start_degree = 63);

/// The plan with the fewest products whose certified error is at most `error_budget` within `depth` levels (of equal
/// ones the shallower, then the more exact). Newton steps are often cheaper in products here than a high degree.
/// Throws Error as above, and naming the lowest error reachable when none does.
InverseSquareRootPlan cheapest_inverse_square_root(Interval interval, std::size_t depth, double error_budget,
                                                   std::size_t max_start_degree = 63);

}  // namespace polyformer::approx
