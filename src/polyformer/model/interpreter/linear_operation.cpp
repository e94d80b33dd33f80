#include "polyformer/model/interpreter/linear_operation.h"

#include <algorithm>
#include <array>

#include "polyformer/model/interpreter/vector_loops.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::model {

namespace {

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

}  // namespace

std::vector<Tensor> apply_linear(const Linear& linear, std::span<const Tensor> inputs, Sums sums) {
    std::vector<Tensor> outputs;
    const std::size_t columns = linear.weight.columns;
    for (const Tensor& input : inputs) {
        outputs.push_back({input.rows, columns, std::vector<double>(input.rows * columns)});
    }
    if (sums == Sums::in_single) {
        std::vector<std::vector<float>> rounded;
        for (const Tensor& input : inputs) rounded.emplace_back(input.values.begin(), input.values.end());
        fill_outputs<float, std::vector<float>>(linear, rounded, outputs);
    } else {
        fill_outputs<double, Tensor>(linear, inputs, outputs);
    }
    return outputs;
}

}  // namespace polyformer::model
