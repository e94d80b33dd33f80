#include "polyformer/substitution/measurement/next_tokens.h"

#include <algorithm>
#include <cmath>

namespace polyformer::substitution {
namespace {

std::span<const double> row_of(const model::Tensor& tensor, std::size_t row) {
    return {&tensor.values[row * tensor.columns], tensor.columns};
}

}  // namespace

double NextTokens::perplexity() const {
    return count > 0 ? std::exp(nats / static_cast<double>(count)) : 0;
}

void NextTokens::add(const model::Tensor& logits, std::span<const std::int32_t> tokens, std::size_t first) {
    for (std::size_t t = first; t + 1 < tokens.size(); ++t) {
        const std::span<const double> row = row_of(logits, t);
        const double largest = std::ranges::max(row);
        double sum = 0;
        for (const double x : row) sum += std::exp(x - largest);
        nats += largest + std::log(sum) - row[static_cast<std::size_t>(tokens[t + 1])];
        ++count;
    }
}

std::size_t rows_alike(const model::Tensor& a, const model::Tensor& b) {
    std::size_t alike = 0;
    for (std::size_t row = 0; row < a.rows; ++row) {
        const auto left = row_of(a, row);
        const auto right = row_of(b, row);
        const auto place_of_largest = [](std::span<const double> values) {
            return std::ranges::max_element(values) - values.begin();
        };
        alike += place_of_largest(left) == place_of_largest(right) ? 1 : 0;
    }
    return alike;
}

}  // namespace polyformer::substitution
