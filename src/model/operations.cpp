#include "model/operations.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "model/visit.h"
#include "support/parallel.h"

namespace polyformer::model {

namespace {

Tensor zeros(std::size_t rows, std::size_t columns) {
    return {rows, columns, std::vector<double>(rows * columns, 0.0)};
}

constexpr std::size_t kRowBlock = 4;
constexpr std::size_t kColumnBlock = 64;

/// One block of output rows and columns: every weight is read once for kRowBlock tokens, sums stay in the first cache.
void linear_block(const Linear& linear, const Tensor& input, Tensor& output, std::size_t row, std::size_t column) {
    const std::size_t rows = std::min(kRowBlock, input.rows - row);
    const std::size_t columns = std::min(kColumnBlock, output.columns - column);
    std::array<std::array<double, kColumnBlock>, kRowBlock> sums{};
    for (std::size_t i = 0; i < input.columns; ++i) {
        const float* weights = &linear.weight.values[i * output.columns + column];
        for (std::size_t t = 0; t < rows; ++t) {
            const double x = input.at(row + t, i);
            for (std::size_t j = 0; j < columns; ++j) sums[t][j] += x * static_cast<double>(weights[j]);
        }
    }
    for (std::size_t t = 0; t < rows; ++t) {
        for (std::size_t j = 0; j < columns; ++j) {
            const double bias = linear.bias.empty() ? 0.0 : static_cast<double>(linear.bias[column + j]);
            output.at(row + t, column + j) = sums[t][j] + bias;
        }
    }
}

/// (T, C_in) → (T, C_out)
Tensor apply_linear(const Linear& linear, const Tensor& input) {
    Tensor output = zeros(input.rows, linear.weight.columns);
    const std::size_t row_blocks = (output.rows + kRowBlock - 1) / kRowBlock;
    const std::size_t column_blocks = (output.columns + kColumnBlock - 1) / kColumnBlock;
    parallel_for(row_blocks, [&](std::size_t block) {
        for (std::size_t j = 0; j < column_blocks; ++j) {
            linear_block(linear, input, output, block * kRowBlock, j * kColumnBlock);
        }
    });
    return output;
}

/// (T, C) → (T, 1)
Tensor feature_mean(const Tensor& input) {
    Tensor output = zeros(input.rows, 1);
    for (std::size_t t = 0; t < input.rows; ++t) {
        double sum = 0;
        for (std::size_t j = 0; j < input.columns; ++j) sum += input.at(t, j);
        output.values[t] = sum / static_cast<double>(input.columns);
    }
    return output;
}

Tensor add(const Tensor& left, const Tensor& right) {
    Tensor output = left;
    for (std::size_t i = 0; i < output.values.size(); ++i) output.values[i] += right.values[i];
    return output;
}

/// Either may be (T, 1) and is then broadcast over the other's features.
Tensor multiply(const Tensor& left, const Tensor& right) {
    const Tensor& wide = left.columns >= right.columns ? left : right;
    const Tensor& narrow = left.columns >= right.columns ? right : left;
    Tensor output = wide;
    for (std::size_t t = 0; t < output.rows; ++t) {
        for (std::size_t j = 0; j < output.columns; ++j) {
            output.at(t, j) *= narrow.at(t, narrow.columns == wide.columns ? j : 0);
        }
    }
    return output;
}

Tensor apply_polynomial(const Polynomial& polynomial, const Tensor& input) {
    Tensor output = input;
    for (double& value : output.values) value = evaluate_polynomial(polynomial, value);
    return output;
}

/// (T, H·w) × (T, H·w) → (H·T, T)
Tensor attention_scores(const AttentionScores& scores, const Tensor& query, const Tensor& key) {
    const std::size_t tokens = query.rows;
    const std::size_t head_width = query.columns / scores.heads;
    Tensor output = zeros(scores.heads * tokens, tokens);
    for (std::size_t row = 0; row < output.rows; ++row) {
        const std::size_t first = row / tokens * head_width;
        const double* q = &query.values[row % tokens * query.columns + first];
        for (std::size_t k = 0; k < tokens; ++k) {
            const double* other = &key.values[k * key.columns + first];
            double sum = 0;
            for (std::size_t j = 0; j < head_width; ++j) sum += q[j] * other[j];
            output.at(row, k) = scores.scale * sum;
        }
    }
    return output;
}

/// (H·T, T) × (T, H·w) → (T, H·w)
Tensor attention_values(const AttentionValues& attention, const Tensor& scores, const Tensor& value) {
    const std::size_t tokens = value.rows;
    const std::size_t head_width = value.columns / attention.heads;
    Tensor output = zeros(tokens, value.columns);
    for (std::size_t row = 0; row < scores.rows; ++row) {
        const std::size_t q = row % tokens;
        const std::size_t first = row / tokens * head_width;
        double* sums = &output.values[q * output.columns + first];
        const std::size_t kept = attention.causal ? q + 1 : tokens;
        for (std::size_t k = 0; k < kept; ++k) {
            const double* other = &value.values[k * value.columns + first];
            for (std::size_t j = 0; j < head_width; ++j) sums[j] += scores.at(row, k) * other[j];
        }
        for (std::size_t j = 0; j < head_width; ++j) sums[j] *= static_cast<double>(attention.length_scale[q]);
    }
    return output;
}

}  // namespace

double evaluate_polynomial(const Polynomial& polynomial, double x) {
    const double u = (2 * x - polynomial.lower - polynomial.upper) / (polynomial.upper - polynomial.lower);
    double next = 0;
    double after_next = 0;
    for (std::size_t k = polynomial.coefficients.size() - 1; k > 0; --k) {
        const double current = polynomial.coefficients[k] + 2 * u * next - after_next;
        after_next = next;
        next = current;
    }
    return polynomial.coefficients[0] + u * next - after_next;
}

Tensor evaluate_operation(const Operation& operation, std::span<const Tensor> earlier, const Tensor& embedded) {
    return std::visit(
        Overloaded{[&](const Input&) { return embedded; },
                   [&](const Linear& linear) { return apply_linear(linear, earlier[linear.input]); },
                   [&](const FeatureMean& mean) { return feature_mean(earlier[mean.input]); },
                   [&](const Add& sum) { return add(earlier[sum.left], earlier[sum.right]); },
                   [&](const Multiply& product) { return multiply(earlier[product.left], earlier[product.right]); },
                   [&](const Apply& apply) { return apply_polynomial(apply.polynomial, earlier[apply.input]); },
                   [&](const AttentionScores& scores) {
                       return attention_scores(scores, earlier[scores.query], earlier[scores.key]);
                   },
                   [&](const AttentionValues& values) {
                       return attention_values(values, earlier[values.scores], earlier[values.value]);
                   }},
        operation);
}

double largest_magnitude(const Tensor& tensor) {
    double largest = 0;
    for (const double value : tensor.values) {
        if (!(std::abs(value) <= largest)) largest = std::abs(value);
        if (std::isnan(largest)) break;
    }
    return largest;
}

}  // namespace polyformer::model
