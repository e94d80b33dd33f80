// An orthogonal matrix that spreads any one feature evenly over all of them, at the price of n·log n.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "polyformer/model/graph/graph.h"

namespace polyformer::substitution {

/// x → x·Q for n features, n = 2^k·m with m odd: random signs, then Sylvester's Hadamard matrix of order 2^k times a
/// Hartley transform of order m. No entry of Q is greater than √(2/n); the same n always gives the same Q.
class Rotation {
  public:
    explicit Rotation(std::size_t features);

    std::size_t features() const { return signs_.size(); }
    /// x·Q of one row. Throws Error when it has another number of features.
    void turn(std::span<double> row) const;
    void turn(std::span<float> row) const;

    /// W → W·Q: of a map that writes turned features. Throws Error as above.
    void turn_rows(model::Matrix& matrix) const;
    /// W → Qᵀ·W: of a map that reads turned features as the ones they were. Throws Error as above.
    void turn_columns(model::Matrix& matrix) const;

  private:
    std::vector<double> signs_;
    std::size_t odd_ = 1;          ///< m
    std::vector<double> hartley_;  ///< (m, m), symmetric
};

}  // namespace polyformer::substitution
