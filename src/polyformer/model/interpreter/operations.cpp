#include "polyformer/model/interpreter/operations.h"

#include <algorithm>
#include <array>

#include "polyformer/model/graph/visit.h"
#include "polyformer/model/interpreter/vector_loops.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::model {

namespace {

Tensor zeros(std::size_t rows, std::size_t columns) {
    return {rows, columns, std::vector<double>(rows * columns, 0.0)};
}

/// kColumnBlock columns of a matrix, one row after the other: read many times, so in double and without the strides
/// that compete for the same cache sets. (C_in, kColumnBlock), zero beyond the last column.
std::vector<double> panel_of(const Matrix& matrix, std::size_t first_column) {
    const std::size_t columns = std::min(kColumnBlock, matrix.columns - first_column);
    std::vector<double> panel(matrix.rows * kColumnBlock, 0.0);
    for (std::size_t i = 0; i < matrix.rows; ++i) {
        const float* row = &matrix.values[i * matrix.columns + first_column];
        std::copy_n(row, columns, &panel[i * kColumnBlock]);
    }
    return panel;
}

/// One panel's columns of the output, all rows, kRowBlock at a time.
void linear_columns(const Linear& linear, const Tensor& input, Tensor& output, std::size_t first_column) {
    const std::size_t columns = std::min(kColumnBlock, output.columns - first_column);
    const std::vector<double> panel = panel_of(linear.weight, first_column);
    std::array<const double*, kRowBlock> rows{};
    std::array<double, kRowBlock * kColumnBlock> sums{};
    for (std::size_t first = 0; first < input.rows; first += kRowBlock) {
        const std::size_t count = std::min(kRowBlock, input.rows - first);
        for (std::size_t t = 0; t < kRowBlock; ++t) {
            rows[t] = &input.values[(first + std::min(t, count - 1)) * input.columns];  // the last one fills up
        }
        multiply_block(rows, panel.data(), input.columns, sums.data());
        for (std::size_t t = 0; t < count; ++t) {
            for (std::size_t j = 0; j < columns; ++j) {
                const double bias = linear.bias.empty() ? 0.0 : static_cast<double>(linear.bias[first_column + j]);
                output.at(first + t, first_column + j) = sums[t * kColumnBlock + j] + bias;
            }
        }
    }
}

/// (T, C_in) → (T, C_out)
Tensor apply_linear(const Linear& linear, const Tensor& input) {
    Tensor output = zeros(input.rows, linear.weight.columns);
    const std::size_t panels = (output.columns + kColumnBlock - 1) / kColumnBlock;
    parallel_for(panels, [&](std::size_t panel) { linear_columns(linear, input, output, panel * kColumnBlock); });
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

/// (T, C) → (T, C)
Tensor add_constant(const AddConstant& sum, const Tensor& input) {
    Tensor output = input;
    for (std::size_t i = 0; i < output.values.size(); ++i)
        output.values[i] += static_cast<double>(sum.values.values[i]);
    return output;
}

/// (T, C) → (T, C)
Tensor mix_tokens(const MixTokens& mix, const Tensor& input) {
    Tensor output = zeros(input.rows, input.columns);
    for (std::size_t t = 0; t < output.rows; ++t) {
        double* out = &output.values[t * output.columns];
        for (std::size_t tap = 0; tap < mix.sources.size(); ++tap) {
            const std::int32_t source = mix.sources[tap][t];
            if (source == MixTokens::kNothing) continue;
            const double* in = &input.values[static_cast<std::size_t>(source) * input.columns];
            const float* weights = &mix.weights.values[tap * input.columns];
            for (std::size_t j = 0; j < output.columns; ++j) out[j] += static_cast<double>(weights[j]) * in[j];
        }
        for (std::size_t j = 0; j < mix.bias.size(); ++j) out[j] += static_cast<double>(mix.bias[j]);
    }
    return output;
}

/// (T, C) → (T/group, group·C): the same values in the same order.
Tensor merge_tokens(const MergeTokens& merge, const Tensor& input) {
    return {input.rows / merge.group, input.columns * merge.group, input.values};
}

/// (T, C) → (1, C)
Tensor token_mean(const Tensor& input) {
    Tensor output = zeros(1, input.columns);
    const std::vector<double> weights(input.rows, 1 / static_cast<double>(input.rows));
    add_combined_rows(weights.data(), input.rows, input.values.data(), input.columns, input.columns,
                      output.values.data());
    return output;
}

/// The features of one head at the tokens of one window, transposed: (w, W).
std::vector<double> transposed_keys(const Tensor& key, std::size_t first_token, std::size_t window,
                                    std::size_t first_feature, std::size_t head_width) {
    std::vector<double> result(head_width * window);
    for (std::size_t k = 0; k < window; ++k) {
        const double* row = &key.values[(first_token + k) * key.columns + first_feature];
        for (std::size_t j = 0; j < head_width; ++j) result[j * window + k] = row[j];
    }
    return result;
}

/// (T, H·w) × (T, H·w) → (H·T, W)
Tensor attention_scores(const AttentionScores& scores, const Tensor& query, const Tensor& key) {
    const std::size_t tokens = query.rows;
    const std::size_t head_width = query.columns / scores.heads;
    const std::size_t window = scores.window == 0 ? tokens : std::min(scores.window, tokens);
    Tensor output = zeros(scores.heads * tokens, window);
    for (std::size_t first_row = 0; first_row < output.rows; first_row += window) {
        const std::size_t head = first_row / tokens;
        const std::size_t first_token = first_row % tokens;
        const std::vector<double> keys = transposed_keys(key, first_token, window, head * head_width, head_width);
        for (std::size_t q = 0; q < window; ++q) {
            double* out = &output.values[(first_row + q) * window];
            add_combined_rows(&query.values[(first_token + q) * query.columns + head * head_width], head_width,
                              keys.data(), window, window, out);
            for (std::size_t k = 0; k < window; ++k) out[k] *= scores.scale;
            if (scores.bias.values.empty()) continue;
            const float* bias = &scores.bias.values[(head * window + q) * window];
            for (std::size_t k = 0; k < window; ++k) out[k] += static_cast<double>(bias[k]);
        }
    }
    return output;
}

/// (H·T, W) × (T, H·w) → (T, H·w)
Tensor attention_values(const AttentionValues& attention, const Tensor& scores, const Tensor& value) {
    const std::size_t tokens = value.rows;
    const std::size_t window = scores.columns;
    const std::size_t mask_tokens = attention.mask.rows / attention.heads;  // more than tokens for a shorter text
    const std::size_t head_width = value.columns / attention.heads;
    Tensor output = zeros(tokens, value.columns);
    std::vector<double> weights(window);
    for (std::size_t row = 0; row < scores.rows; ++row) {
        const std::size_t head = row / tokens;
        const std::size_t q = row % tokens;
        const std::size_t kept = attention.causal ? q + 1 : window;
        const float* mask = &attention.mask.values[(head * mask_tokens + q) * attention.mask.columns];
        for (std::size_t k = 0; k < kept; ++k) weights[k] = static_cast<double>(mask[k]) * scores.at(row, k);
        const std::size_t first_token = q / window * window;
        add_combined_rows(weights.data(), kept, &value.values[first_token * value.columns + head * head_width],
                          value.columns, head_width, &output.values[q * output.columns + head * head_width]);
    }
    return output;
}

}  // namespace

std::vector<Shape> checked_shapes(const Graph& graph, const Tensor& embedded) {
    require(!graph.nodes.empty(), "an empty graph has nothing to evaluate");
    require(embedded.rows >= 1 && embedded.rows <= graph.context,
            "{} tokens do not fit a model with a context of 1 to {}: shorten the text", embedded.rows, graph.context);
    require(embedded.columns == graph.width && embedded.values.size() == embedded.rows * embedded.columns,
            "the embedded tokens are ({}, {}) with {} values, but the model's width is {}", embedded.rows,
            embedded.columns, embedded.values.size(), graph.width);
    require(embedded.rows == graph.context || takes_shorter_inputs(graph),
            "{} tokens are fewer than the {} of the model, which takes no fewer: it has attention that is not causal, "
            "or operations tied to places",
            embedded.rows, graph.context);
    return shapes_of(graph);
}

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
                   [&](const AddConstant& sum) { return add_constant(sum, earlier[sum.input]); },
                   [&](const MixTokens& mix) { return mix_tokens(mix, earlier[mix.input]); },
                   [&](const MergeTokens& merge) { return merge_tokens(merge, earlier[merge.input]); },
                   [&](const TokenMean& mean) { return token_mean(earlier[mean.input]); },
                   [&](const AttentionScores& scores) {
                       return attention_scores(scores, earlier[scores.query], earlier[scores.key]);
                   },
                   [&](const AttentionValues& values) {
                       return attention_values(values, earlier[values.scores], earlier[values.value]);
                   }},
        operation);
}

double largest_magnitude(const Tensor& tensor) {
    return largest_magnitude_of(tensor.values.data(), tensor.values.size());
}

}  // namespace polyformer::model
