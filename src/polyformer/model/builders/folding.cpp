#include "polyformer/model/builders/folding.h"

#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "polyformer/support/error.h"

namespace polyformer::model {

namespace {

/// Subtracts from each row its mean.
void centre_rows(std::span<float> values, std::size_t columns) {
    for (std::size_t first = 0; first < values.size(); first += columns) {
        const auto row = values.subspan(first, columns);
        const double mean = std::accumulate(row.begin(), row.end(), 0.0) / static_cast<double>(columns);
        for (float& value : row) value = static_cast<float>(value - mean);
    }
}

}  // namespace

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
LinearWeights with_norm_before(const NormWeights& norm, LinearWeights linear) {
    const std::size_t columns = linear.weight.columns;
    const bool has_beta = !norm.beta.empty();
    std::vector<double> bias(linear.bias.begin(), linear.bias.end());
    if (has_beta) bias.resize(columns, 0.0);
    for (std::size_t i = 0; i < linear.weight.rows; ++i) {
        for (std::size_t j = 0; j < columns; ++j) {
            float& weight = linear.weight.values[i * columns + j];
            const double value = weight;
            weight = static_cast<float>(norm.gamma[i] * value);
            if (has_beta) bias[j] += norm.beta[i] * value;
        }
    }
    linear.bias.resize(bias.size());
    for (std::size_t j = 0; j < bias.size(); ++j) linear.bias[j] = static_cast<float>(bias[j]);
    return linear;
}

Matrix centred(Matrix matrix) {
    centre_rows(matrix.values, matrix.columns);
    return matrix;
}

LinearWeights centred(LinearWeights linear) {
    centre_rows(linear.weight.values, linear.weight.columns);
    centre_rows(linear.bias, linear.weight.columns);
    return linear;
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
