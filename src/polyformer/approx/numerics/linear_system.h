// Dense linear systems in multiprecision.
#pragma once

#include <cstddef>
#include <vector>

#include "polyformer/approx/numerics/real.h"

namespace polyformer::approx {

/// A square system in the making: `matrix` is row-major, (size, size).
struct LinearSystem {
    explicit LinearSystem(std::size_t unknowns) : size(unknowns), matrix(unknowns * unknowns), right(unknowns) {}

    Real& at(std::size_t row, std::size_t column) { return matrix[row * size + column]; }

    std::size_t size;
    std::vector<Real> matrix;
    std::vector<Real> right;
};

/// The solution, by Gaussian elimination with partial pivoting. Throws Error for a singular matrix.
std::vector<Real> solve(LinearSystem system);

}  // namespace polyformer::approx
