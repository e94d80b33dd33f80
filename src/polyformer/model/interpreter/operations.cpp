#include "polyformer/model/interpreter/operations.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "polyformer/approx/fitting/target_function.h"
#include "polyformer/model/graph/visit.h"
#include "polyformer/model/interpreter/attention_operations.h"
#include "polyformer/model/interpreter/linear_operation.h"
#include "polyformer/model/interpreter/vector_loops.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

namespace {

Tensor zeros(std::size_t rows, std::size_t columns) {
    return {rows, columns, std::vector<double>(rows * columns, 0.0)};
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
