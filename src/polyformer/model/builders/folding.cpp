#include "polyformer/model/builders/folding.h"

#include <cmath>
#include <utility>

#include "polyformer/support/error.h"

namespace polyformer::model {

NodeId append(Graph& graph, std::string name, Operation operation) {
    graph.nodes.push_back({std::move(name), std::move(operation), 1.0});
    return graph.nodes.size() - 1;
}

NodeId append_linear(Graph& graph, std::string name, NodeId input, LinearWeights weights) {
    return append(graph, std::move(name), Linear{input, std::move(weights.weight), std::move(weights.bias)});
}

void check_matrix(const Matrix& matrix, std::size_t rows, std::size_t columns, std::string_view name) {
    require(matrix.rows == rows && matrix.columns == columns && matrix.values.size() == rows * columns,
            "the weight of '{}' is ({}, {}) with {} values, but ({}, {}) is needed", name, matrix.rows, matrix.columns,
            matrix.values.size(), rows, columns);
}

void check_vector(const std::vector<float>& vector, std::size_t size, std::string_view name, std::string_view what) {
    require(vector.size() == size, "the {} of '{}' has {} entries, but {} are needed", what, name, vector.size(), size);
}

void check_linear(const LinearWeights& linear, std::size_t rows, std::size_t columns, std::string_view name) {
    check_matrix(linear.weight, rows, columns, name);
    if (!linear.bias.empty()) check_vector(linear.bias, columns, name, "bias");
}

void check_norm(const NormWeights& norm, std::size_t width, std::string_view name, std::string_view what) {
    check_vector(norm.gamma, width, name, fmt::format("gamma of the norm {}", what));
    check_vector(norm.beta, width, name, fmt::format("beta of the norm {}", what));
}

void check_score_scale(double scale, std::size_t head_width) {
    require(std::isfinite(scale) && scale > 0,
            "the factor on the scores is {}, but must be finite and above 0: set score_scale, usually to 1/√d_k = {}",
            scale, 1 / std::sqrt(static_cast<double>(head_width)));
}

// (n ⊙ gamma + beta)·W + b = n·(diag(gamma)·W) + (beta·W + b)
LinearWeights with_norm_before(const NormWeights& norm, const LinearWeights& linear) {
    const Matrix& weight = linear.weight;
    LinearWeights folded{weight, std::vector<float>(weight.columns)};
    std::vector<double> bias(linear.bias.begin(), linear.bias.end());
    bias.resize(weight.columns, 0.0);
    for (std::size_t i = 0; i < weight.rows; ++i) {
        for (std::size_t j = 0; j < weight.columns; ++j) {
            const double value = weight.values[i * weight.columns + j];
            folded.weight.values[i * weight.columns + j] = static_cast<float>(norm.gamma[i] * value);
            bias[j] += norm.beta[i] * value;
        }
    }
    for (std::size_t j = 0; j < weight.columns; ++j) folded.bias[j] = static_cast<float>(bias[j]);
    return folded;
}

LinearWeights with_norm_behind(const LinearWeights& linear, const NormWeights& norm) {
    LinearWeights folded = linear;
    const std::size_t columns = folded.weight.columns;
    folded.bias.resize(columns, 0.0F);
    for (std::size_t i = 0; i < folded.weight.values.size(); ++i) folded.weight.values[i] *= norm.gamma[i % columns];
    for (std::size_t j = 0; j < columns; ++j) folded.bias[j] = folded.bias[j] * norm.gamma[j] + norm.beta[j];
    return folded;
}

}  // namespace polyformer::model
