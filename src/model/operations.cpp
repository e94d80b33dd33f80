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

// The same source for several instruction sets, the best one picked at run time; results differ by rounding at most.
// (Address sanitizer cannot run the code that picks, which comes before its own start.)
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define POLYFORMER_VECTOR_CLONES [[gnu::target_clones("avx512f", "avx2", "default")]]
#else
#define POLYFORMER_VECTOR_CLONES
#endif

constexpr std::size_t kRowBlock = 4;
constexpr std::size_t kColumnBlock = 32;

/// out[t, j] = Σ_i x[t, i]·weights[i, j] for a whole block, its sums kept in registers; strides are those of the rows.
POLYFORMER_VECTOR_CLONES
void full_block(const double* x, std::size_t x_stride, const float* weights, double* out, std::size_t stride,
                std::size_t terms) {
    double sums[kRowBlock][kColumnBlock] = {};  // NOLINT(modernize-avoid-c-arrays): std::array is not unrolled
    for (std::size_t i = 0; i < terms; ++i) {
        for (std::size_t t = 0; t < kRowBlock; ++t) {
            const double value = x[t * x_stride + i];
            for (std::size_t j = 0; j < kColumnBlock; ++j) {
                sums[t][j] += value * static_cast<double>(weights[i * stride + j]);
            }
        }
    }
    for (std::size_t t = 0; t < kRowBlock; ++t) {
        for (std::size_t j = 0; j < kColumnBlock; ++j) out[t * stride + j] = sums[t][j];
    }
}

POLYFORMER_VECTOR_CLONES
void partial_block(const double* x, std::size_t x_stride, const float* weights, double* out, std::size_t stride,
                   std::size_t terms, std::size_t rows, std::size_t columns) {
    for (std::size_t t = 0; t < rows; ++t) {
        std::fill_n(&out[t * stride], columns, 0.0);
        for (std::size_t i = 0; i < terms; ++i) {
            const double value = x[t * x_stride + i];
            for (std::size_t j = 0; j < columns; ++j) {
                out[t * stride + j] += value * static_cast<double>(weights[i * stride + j]);
            }
        }
    }
}

/// One block of output rows and columns: every weight is read once for kRowBlock tokens.
void linear_block(const Linear& linear, const Tensor& input, Tensor& output, std::size_t row, std::size_t column) {
    const std::size_t rows = std::min(kRowBlock, input.rows - row);
    const std::size_t columns = std::min(kColumnBlock, output.columns - column);
    const double* x = &input.values[row * input.columns];
    const float* weights = &linear.weight.values[column];
    double* out = &output.values[row * output.columns + column];
    if (rows == kRowBlock && columns == kColumnBlock) {
        full_block(x, input.columns, weights, out, output.columns, input.columns);
    } else {
        partial_block(x, input.columns, weights, out, output.columns, input.columns, rows, columns);
    }
    if (linear.bias.empty()) return;
    for (std::size_t t = 0; t < rows; ++t) {
        for (std::size_t j = 0; j < columns; ++j)
            out[t * output.columns + j] += static_cast<double>(linear.bias[column + j]);
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

constexpr std::size_t kPolynomialBlock = 32;

/// evaluate_polynomial() on several values side by side.
POLYFORMER_VECTOR_CLONES
void evaluate_block(const Polynomial& polynomial, double* x) {
    // NOLINTBEGIN(modernize-avoid-c-arrays)
    double u[kPolynomialBlock];
    double next[kPolynomialBlock] = {};
    double after_next[kPolynomialBlock] = {};
    // NOLINTEND(modernize-avoid-c-arrays)
    const double* coefficients = polynomial.coefficients.data();
    for (std::size_t i = 0; i < kPolynomialBlock; ++i) {
        u[i] = (2 * x[i] - polynomial.lower - polynomial.upper) / (polynomial.upper - polynomial.lower);
    }
    for (std::size_t k = polynomial.coefficients.size() - 1; k > 0; --k) {
        for (std::size_t i = 0; i < kPolynomialBlock; ++i) {
            const double current = coefficients[k] + 2 * u[i] * next[i] - after_next[i];
            after_next[i] = next[i];
            next[i] = current;
        }
    }
    for (std::size_t i = 0; i < kPolynomialBlock; ++i) x[i] = coefficients[0] + u[i] * next[i] - after_next[i];
}

Tensor apply_polynomial(const Polynomial& polynomial, const Tensor& input) {
    Tensor output = input;
    double* values = output.values.data();
    std::size_t left = output.values.size();
    for (; left >= kPolynomialBlock; left -= kPolynomialBlock, values += kPolynomialBlock) {
        evaluate_block(polynomial, values);
    }
    std::array<double, kPolynomialBlock> last{};
    std::copy_n(values, left, last.begin());
    evaluate_block(polynomial, last.data());
    std::copy_n(last.begin(), left, values);
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
