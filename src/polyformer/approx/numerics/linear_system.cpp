#include "polyformer/approx/numerics/linear_system.h"

#include <utility>

#include "polyformer/support/error.h"

namespace polyformer::approx {

std::vector<Real> solve(LinearSystem system) {
    const std::size_t size = system.size;
    for (std::size_t column = 0; column < size; ++column) {
        std::size_t pivot = column;
        for (std::size_t row = column + 1; row < size; ++row) {
            if (abs(system.at(row, column)) > abs(system.at(pivot, column))) pivot = row;
        }
        require(system.at(pivot, column) != 0,
                "the linear system of {} unknowns is singular: two reference points or weights coincide", size);
        if (pivot != column) {
            for (std::size_t k = column; k < size; ++k) std::swap(system.at(pivot, k), system.at(column, k));
            std::swap(system.right[pivot], system.right[column]);
        }
        for (std::size_t row = column + 1; row < size; ++row) {
            const Real factor = system.at(row, column) / system.at(column, column);
            for (std::size_t k = column + 1; k < size; ++k) system.at(row, k) -= factor * system.at(column, k);
            system.right[row] -= factor * system.right[column];
        }
    }
    for (std::size_t row = size; row-- > 0;) {
        for (std::size_t k = row + 1; k < size; ++k) system.right[row] -= system.at(row, k) * system.right[k];
        system.right[row] /= system.at(row, row);
    }
    return std::move(system.right);
}

}  // namespace polyformer::approx
