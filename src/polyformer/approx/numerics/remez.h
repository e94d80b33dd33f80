// The Remez exchange algorithm for any Haar system of Chebyshev polynomials of one parity.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "polyformer/approx/numerics/real.h"

namespace polyformer::approx {

/// Which T_k span the approximation: k = 0, 1, 2, ..., even k only or odd k only.
enum class Parity { none, even, odd };

/// A weighted minimax problem in u ∈ [−1, 1]; with a parity, the target must have it, and only [0, 1] is looked at.
struct RemezProblem {
    std::string name;  ///< for messages
    std::function<Real(const Real&)> target;
    std::function<Real(const Real&)> weight;  ///< positive
    std::size_t degree = 0;
    Parity parity = Parity::none;
    std::vector<Real> knots;  ///< where target or weight are not smooth, or vary fast: examined besides the grid
    Real noise;               ///< a weighted error below this counts as zero
};

/// The best polynomial, and the proof that there is no much better one.
struct RemezSolution {
    std::vector<Real> coefficients;  ///< of T_0, T_1, ...
    Real levelled_error;             ///< on the last reference: a lower bound of the minimax error
};

/// Throws Error when the weighted error cannot be levelled to 1 % (a jump or a pole in target or weight).
RemezSolution remez(const RemezProblem& problem);

}  // namespace polyformer::approx
