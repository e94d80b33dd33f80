#include "polyformer/model/interpreter/operations.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "polyformer/approx/fitting/target_function.h"
#include "polyformer/model/graph/visit.h"
#include "polyformer/model/interpreter/vector_loops.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::model {

namespace {

Tensor zeros(std::size_t rows, std::size_t columns) {
    return {rows, columns, std::vector<double>(rows * columns, 0.0)};
}

/// kColumnBlock columns of a matrix, one row after the other: read many times, so in one type and without the strides
/// that compete for the same cache sets. (C_in, kColumnBlock), zero beyond the last column.
template <class Real>
std::vector<Real> panel_of(const Matrix& matrix, std::size_t first_column) {
    const std::size_t columns = std::min(kColumnBlock<Real>, matrix.columns - first_column);
    std::vector<Real> panel(matrix.rows * kColumnBlock<Real>, Real{0});
    for (std::size_t i = 0; i < matrix.rows; ++i) {
        const float* row = &matrix.values[i * matrix.columns + first_column];
        std::copy_n(row, columns, &panel[i * kColumnBlock<Real>]);
    }
    return panel;
}

const double* values_of(const Tensor& tensor) {
    return tensor.values.data();
}

const float* values_of(const std::vector<float>& values) {
    return values.data();
}

/// One panel's columns of the outputs, all rows of the inputs, kRowBlock at a time.
template <class Real, class Rows>
void linear_columns(const Linear& linear, std::span<const Rows> inputs, std::span<Tensor> outputs,
                    std::size_t first_column) {
    constexpr std::size_t width = kColumnBlock<Real>;
    const std::size_t terms = linear.weight.rows;
    const std::size_t columns = std::min(width, linear.weight.columns - first_column);
    const std::vector<Real> panel = panel_of<Real>(linear.weight, first_column);
    std::array<const Real*, kRowBlock> rows{};
    std::array<Real, kRowBlock * width> sums{};
    for (std::size_t text = 0; text < inputs.size(); ++text) {
        for (std::size_t first = 0; first < outputs[text].rows; first += kRowBlock) {
            const std::size_t count = std::min(kRowBlock, outputs[text].rows - first);
            for (std::size_t t = 0; t < kRowBlock; ++t) {
                rows[t] = values_of(inputs[text]) + (first + std::min(t, count - 1)) * terms;  // the last one fills up
            }
            multiply_block(rows, panel.data(), terms, sums.data());
            for (std::size_t t = 0; t < count; ++t) {
                for (std::size_t j = 0; j < columns; ++j) {
                    const double bias = linear.bias.empty() ? 0.0 : static_cast<double>(linear.bias[first_column + j]);
                    outputs[text].at(first + t, first_column + j) = static_cast<double>(sums[t * width + j]) + bias;
                }
            }
        }
    }
}

template <class Real, class Rows>
void fill_outputs(const Linear& linear, std::span<const Rows> inputs, std::span<Tensor> outputs) {
    constexpr std::size_t width = kColumnBlock<Real>;
    parallel_for((linear.weight.columns + width - 1) / width,
                 [&](std::size_t panel) { linear_columns<Real, Rows>(linear, inputs, outputs, panel * width); });
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

/// combine(value, other) for each element. Either may have fewer features, each of which then goes with several
/// consecutive ones of the other.
template <class Combine>
Tensor combined(const Tensor& left, const Tensor& right, Combine combine) {
    const Tensor& wide = left.columns >= right.columns ? left : right;
    const Tensor& narrow = left.columns >= right.columns ? right : left;
    Tensor output = wide;
    if (wide.columns == narrow.columns) {
        for (std::size_t i = 0; i < output.values.size(); ++i) combine(output.values[i], narrow.values[i]);
        return output;
    }
    const std::size_t share = wide.columns / narrow.columns;
    for (std::size_t t = 0; t < output.rows; ++t) {
        for (std::size_t j = 0; j < output.columns; ++j) combine(output.at(t, j), narrow.at(t, j / share));
    }
    return output;
}

Tensor add(const Tensor& left, const Tensor& right) {
    return combined(left, right, [](double& value, double other) { value += other; });
}

Tensor multiply(const Tensor& left, const Tensor& right) {
    return combined(left, right, [](double& value, double other) { value *= other; });
}

/// (T, C) → (T, C)
Tensor rotate_features(const RotateFeatures& turn, const Tensor& input) {
    const std::size_t half = turn.angles.columns;
    Tensor output = input;
    for (std::size_t t = 0; t < output.rows; ++t) {
        for (std::size_t j = 0; j < half; ++j) {
            const auto angle = static_cast<double>(turn.angles.values[t * half + j]);
            const double cosine = std::cos(angle);
            const double sine = std::sin(angle);
            for (std::size_t head = 0; head < turn.heads; ++head) {
                const std::size_t first = 2 * half * head + j;
                output.at(t, first) = cosine * input.at(t, first) - sine * input.at(t, first + half);
                output.at(t, first + half) = sine * input.at(t, first) + cosine * input.at(t, first + half);
            }
        }
    }
    return output;
}

/// (T, C) → (T, C)
Tensor scale_features(const ScaleFeatures& scale, const Tensor& input) {
    Tensor output = input;
    for (std::size_t t = 0; t < output.rows; ++t) {
        for (std::size_t j = 0; j < output.columns; ++j) {
            const double bias = scale.bias.empty() ? 0.0 : static_cast<double>(scale.bias[j]);
            output.at(t, j) = static_cast<double>(scale.factors[j]) * input.at(t, j) + bias;
        }
    }
    return output;
}

/// (T, C) → (T, C)
Tensor centre(const Tensor& input) {
    const Tensor means = feature_mean(input);
    Tensor output = input;
    for (std::size_t t = 0; t < output.rows; ++t) {
        for (std::size_t j = 0; j < output.columns; ++j) output.at(t, j) -= means.values[t];
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

/// (T, C) → (1, C)
Tensor select_token(const SelectToken& select, const Tensor& input) {
    const auto row = input.values.begin() + static_cast<std::ptrdiff_t>(select.token * input.columns);
    return {1, input.columns, std::vector<double>(row, row + static_cast<std::ptrdiff_t>(input.columns))};
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

/// (T, H·w) × (T, K·w) → (H·T, W)
Tensor attention_scores(const AttentionScores& scores, const Tensor& query, const Tensor& key) {
    const std::size_t tokens = query.rows;
    const std::size_t head_width = query.columns / scores.heads;
    const std::size_t window = scores.window == 0 ? tokens : std::min(scores.window, tokens);
    const std::size_t sharers = scores.heads / key_heads_of(scores);
    Tensor output = zeros(scores.heads * tokens, window);
    for (std::size_t first_row = 0; first_row < output.rows; first_row += window) {
        const std::size_t head = first_row / tokens;
        const std::size_t first_token = first_row % tokens;
        const std::vector<double> keys =
            transposed_keys(key, first_token, window, head / sharers * head_width, head_width);
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

/// (H·T, W) plus (T, H): the same for all keys.
Tensor shift_scores(const Tensor& scores, const Tensor& shift) {
    Tensor output = scores;
    for (std::size_t row = 0; row < output.rows; ++row) {
        const double by = shift.at(row % shift.rows, row / shift.rows);
        for (std::size_t k = 0; k < output.columns; ++k) output.at(row, k) += by;
    }
    return output;
}

/// The weights of the keys that the query of a row of scores sees, masked, in `space`.
std::span<const double> masked_weights(const Tensor& scores, const Matrix& mask, bool causal, std::size_t row,
                                       std::size_t heads, std::vector<double>& space) {
    const std::size_t tokens = scores.rows / heads;
    const std::size_t kept = causal ? row % tokens + 1 : scores.columns;
    space.assign(&scores.values[row * scores.columns], &scores.values[row * scores.columns] + kept);
    if (!mask.values.empty()) {
        const std::size_t mask_tokens = mask.rows / heads;  // more than tokens for a shorter text
        const float* masks = &mask.values[(row / tokens * mask_tokens + row % tokens) * mask.columns];
        for (std::size_t k = 0; k < kept; ++k) space[k] *= static_cast<double>(masks[k]);
    }
    return space;
}

/// (H·T, W) → (T, H)
Tensor attention_sums(const AttentionSums& attention, const Tensor& scores) {
    const std::size_t tokens = scores.rows / attention.heads;
    Tensor output = zeros(tokens, attention.heads);
    std::vector<double> space;
    for (std::size_t row = 0; row < scores.rows; ++row) {
        const auto weights = masked_weights(scores, attention.mask, attention.causal, row, attention.heads, space);
        output.at(row % tokens, row / tokens) = std::accumulate(weights.begin(), weights.end(), 0.0);
    }
    return output;
}

/// (H·T, W) × (T, K·w) → (T, H·w)
Tensor attention_values(const AttentionValues& attention, const Tensor& scores, const Tensor& value) {
    const std::size_t tokens = value.rows;
    const std::size_t window = scores.columns;
    const std::size_t head_width = value.columns / value_heads_of(attention);
    const std::size_t sharers = attention.heads / value_heads_of(attention);
    Tensor output = zeros(tokens, attention.heads * head_width);
    std::vector<double> space;
    for (std::size_t row = 0; row < scores.rows; ++row) {
        const std::size_t head = row / tokens;
        const std::size_t q = row % tokens;
        const auto weights = masked_weights(scores, attention.mask, attention.causal, row, attention.heads, space);
        const std::size_t first_token = q / window * window;
        add_combined_rows(weights.data(), weights.size(),
                          &value.values[first_token * value.columns + head / sharers * head_width], value.columns,
                          head_width, &output.values[q * output.columns + head * head_width]);
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
            "{} tokens are fewer than the {} of the model, which takes no fewer: it has operations tied to places",
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

Tensor evaluate_operation(const Operation& operation, const ValueOf& value_of, const Tensor& embedded) {
    return std::visit(
        Overloaded{
            [&](const Input&) { return embedded; },
            [&](const Linear& linear) {
                return std::move(apply_linear(linear, std::span(&value_of(linear.input), 1), Sums::in_double).front());
            },
            [&](const FeatureMean& mean) { return feature_mean(value_of(mean.input)); },
            [&](const ScaleFeatures& scale) { return scale_features(scale, value_of(scale.input)); },
            [&](const Centre& node) { return centre(value_of(node.input)); },
            [&](const Add& sum) { return add(value_of(sum.left), value_of(sum.right)); },
            [&](const Multiply& product) { return multiply(value_of(product.left), value_of(product.right)); },
            [&](const Apply& apply) { return apply_polynomial(apply.polynomial, value_of(apply.input)); },
            [&](const AddConstant& sum) { return add_constant(sum, value_of(sum.input)); },
            [&](const RotateFeatures& turn) { return rotate_features(turn, value_of(turn.input)); },
            [&](const MixTokens& mix) { return mix_tokens(mix, value_of(mix.input)); },
            [&](const MergeTokens& merge) { return merge_tokens(merge, value_of(merge.input)); },
            [&](const TokenMean& mean) { return token_mean(value_of(mean.input)); },
            [&](const SelectToken& select) { return select_token(select, value_of(select.input)); },
            [&](const AttentionScores& scores) {
                return attention_scores(scores, value_of(scores.query), value_of(scores.key));
            },
            [&](const ShiftScores& shift) { return shift_scores(value_of(shift.scores), value_of(shift.shift)); },
            [&](const AttentionSums& sums) { return attention_sums(sums, value_of(sums.scores)); },
            [&](const AttentionValues& values) {
                return attention_values(values, value_of(values.scores), value_of(values.value));
            }},
        operation);
}

std::vector<Tensor> apply_linear(const Linear& linear, std::span<const Tensor> inputs, Sums sums) {
    std::vector<Tensor> outputs;
    for (const Tensor& input : inputs) outputs.push_back(zeros(input.rows, linear.weight.columns));
    if (sums == Sums::in_single) {
        std::vector<std::vector<float>> rounded;
        for (const Tensor& input : inputs) rounded.emplace_back(input.values.begin(), input.values.end());
        fill_outputs<float, std::vector<float>>(linear, rounded, outputs);
    } else {
        fill_outputs<double, Tensor>(linear, inputs, outputs);
    }
    return outputs;
}

Tensor apply_exactly(const std::string& node, const Apply& apply, const Tensor& input) {
    if (apply.replaces.empty()) return apply_polynomial(apply.polynomial, input);
    const std::vector<std::string> known = approx::target_function_names();
    if (std::ranges::find(known, apply.replaces) == known.end()) {
        fail("the polynomial of '{}' replaces '{}', which is no function known here: {}", node, apply.replaces,
             fmt::join(known, ", "));
    }
    const approx::TargetFunction function = approx::target_function(apply.replaces);
    Tensor output = input;
    for (double& value : output.values) value = function(value);
    return output;
}

double largest_magnitude(const Tensor& tensor) {
    return largest_magnitude_of(tensor.values.data(), tensor.values.size());
}

}  // namespace polyformer::model
