// Least squares over more rows than fit in memory.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace polyformer::substitution {

/// y ≈ x·weight + bias for many y at once. weight is (inputs, outputs), row-major.
struct LinearMap {
    std::vector<double> weight;
    std::vector<double> bias;
};

/// Normal equations, summed up row by row.
class Regression {
  public:
    Regression(std::size_t inputs, std::size_t outputs);
    ~Regression();
    Regression(Regression&&) noexcept;
    Regression& operator=(Regression&&) noexcept;
    Regression(const Regression&) = delete;
    Regression& operator=(const Regression&) = delete;

    /// x is (rows, inputs), y (rows, outputs), both row-major.
    void add(std::span<const double> x, std::span<const double> y);
    std::size_t rows() const;
    /// The map with the least squared error, each weight's square weighed with `ridge` times the inputs' mean variance.
    /// Throws Error without rows.
    LinearMap solve(double ridge) const;

  private:
    struct Sums;
    std::unique_ptr<Sums> sums_;
};

}  // namespace polyformer::substitution
