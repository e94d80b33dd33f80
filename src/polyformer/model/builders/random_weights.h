// What random models of all kinds share: weights drawn from a seed, polynomials and bounds measured on random inputs.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "polyformer/model/builders/transformer_builder.h"
#include "polyformer/model/graph/graph.h"
#include "polyformer/model/interpreter/interpreter.h"

namespace polyformer::model {

/// Normally distributed weights of the sizes that keep activations near 1.
class Sampler {
  public:
    explicit Sampler(std::uint64_t seed) : generator_(seed) {}

    template <class Value = float>
    std::vector<Value> vector(std::size_t count, double mean, double deviation) {
        std::normal_distribution<double> distribution(mean, deviation);
        std::vector<Value> values(count);
        for (Value& value : values) value = static_cast<Value>(distribution(generator_));
        return values;
    }

    Matrix matrix(std::size_t rows, std::size_t columns, double deviation) {
        return {rows, columns, vector(rows * columns, 0, deviation)};
    }

    /// Deviation gain/√C_in: outputs `gain` times as large as inputs.
    LinearWeights linear(std::size_t rows, std::size_t columns, double gain = 1) {
        return {matrix(rows, columns, gain / std::sqrt(static_cast<double>(rows))), vector(columns, 0, 0.02)};
    }

    NormWeights norm(std::size_t width, double gain = 1) { return {vector(width, gain, 0.1), vector(width, 0, 0.1)}; }

  private:
    std::mt19937_64 generator_;
};

/// How polynomials and bounds follow from what samples show.
struct RandomFit {
    std::size_t activation_degree = 15;
    std::size_t inverse_sqrt_degree = 15;
    std::size_t exp_degree = 15;
    std::size_t reciprocal_degree = 15;
    double margin = 0.25;  ///< by which intervals and bounds exceed what was seen
};

/// Stands in for a polynomial until samples have shown what it is fed.
inline Polynomial placeholder() {
    return {-1, 1, {0.0}};
}

/// Every polynomial becomes one of the function that it replaces; then every node gets its bound. Throws Error as
/// validate() does, and for polynomials that cannot be found.
void fit_to_samples(Graph& graph, std::span<const Tensor> samples, const RandomFit& fit);

}  // namespace polyformer::model
