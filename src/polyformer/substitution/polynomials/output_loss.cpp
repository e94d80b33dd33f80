#include "polyformer/substitution/polynomials/output_loss.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "polyformer/support/extremes.h"

namespace polyformer::substitution {
namespace {

/// What rounding made negative is 0; NaN stays.
double not_negative(double x) {
    return x < 0 ? 0 : x;
}

double one_minus_cosine(std::span<const double> a, std::span<const double> b) {
    double product = 0;
    double left = 0;
    double right = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        product += a[i] * b[i];
        left += a[i] * a[i];
        right += b[i] * b[i];
    }
    return not_negative(1 - product / std::sqrt(left * right));
}

double log_sum_exp(std::span<const double> row) {
    const double largest = std::ranges::max(row);
    double sum = 0;
    for (const double x : row) sum += std::exp(x - largest);
    return largest + std::log(sum);
}

double divergence(std::span<const double> original, std::span<const double> other) {
    const double normaliser = log_sum_exp(original);
    const double other_normaliser = log_sum_exp(other);
    double sum = 0;
    for (std::size_t i = 0; i < original.size(); ++i) {
        const double log_p = original[i] - normaliser;
        sum += std::exp(log_p) * (log_p - (other[i] - other_normaliser));
    }
    return not_negative(sum);
}

}  // namespace

std::string name_of(OutputLoss loss) {
    return loss == OutputLoss::cosine ? "1 - cosine" : "divergence";
}

double loss_of(OutputLoss kind, const model::Tensor& original, const model::Tensor& other) {
    if (!all_finite(other.values) || original.values.size() != other.values.size()) {
        return std::numeric_limits<double>::infinity();
    }
    double sum = 0;
    for (std::size_t row = 0; row < original.rows; ++row) {
        const std::span<const double> a(&original.values[row * original.columns], original.columns);
        const std::span<const double> b(&other.values[row * other.columns], other.columns);
        sum += kind == OutputLoss::cosine ? one_minus_cosine(a, b) : divergence(a, b);
    }
    const double mean = sum / static_cast<double>(original.rows);
    return std::isnan(mean) ? std::numeric_limits<double>::infinity() : mean;
}

LossSummary losses_of(OutputLoss kind, std::span<const model::Tensor> original, std::span<const model::Tensor> other) {
    LossSummary summary;
    for (std::size_t i = 0; i < original.size(); ++i) {
        const double loss = loss_of(kind, original[i], other[i]);
        summary.mean += loss / static_cast<double>(original.size());
        summary.largest = std::max(summary.largest, loss);
    }
    return summary;
}

}  // namespace polyformer::substitution
