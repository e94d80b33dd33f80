#include "polyformer/substitution/measurement/tail_estimate.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"

namespace polyformer::substitution {
namespace {

// Texts above the threshold: a tenth, as far as that are neither few nor more than the tail needs.
constexpr double kShare = 0.1;
constexpr std::size_t kFewest = 10;
constexpr std::size_t kMost = 250;
// As many peaks as the belief in an exponential tail is worth.
constexpr double kPriorPeaks = 50;
constexpr double kLightest = -0.1;

}  // namespace

double Tail::quantile(double probability) const {
    const double reduced = share / probability;
    double reach = 0;
    if (reduced > 1) reach = shape == 0 ? std::log(reduced) : std::expm1(shape * std::log(reduced)) / shape;
    return std::max(largest, threshold + scale * reach);
}

double Tail::exceedance(double value) const {
    if (value < threshold) return 1;
    if (scale == 0) return value >= largest ? 0 : share;
    const double y = (value - threshold) / scale;
    if (shape == 0) return share * std::exp(-y);
    const double base = 1 + shape * y;
    return base <= 0 ? 0 : share * std::pow(base, -1 / shape);
}

Tail estimate_tail(std::span<const double> extremes, double heaviest_shape) {
    require(!extremes.empty(), "a tail cannot be estimated from no text: measure some first");
    require(all_finite(extremes),
            "a tail cannot be estimated from extremes that are not finite: the model's values overflow on these texts, "
            "look at its weights");
    std::vector<double> sorted(extremes.begin(), extremes.end());
    std::ranges::sort(sorted, std::greater());
    const auto texts = static_cast<double>(sorted.size());
    const std::size_t wanted = std::clamp(static_cast<std::size_t>(kShare * texts), kFewest, kMost);
    const std::size_t peaks = std::min(wanted, sorted.size() - 1);
    if (peaks == 0) return {.threshold = sorted[0], .share = 1, .scale = 0, .shape = 0, .largest = sorted[0]};

    const double threshold = sorted[peaks];
    const auto count = static_cast<double>(peaks);
    double mean = 0;
    double weighted = 0;  // Σ y·P(Y > y) / count
    for (std::size_t i = 0; i < peaks; ++i) {
        const double excess = sorted[i] - threshold;
        mean += excess / count;
        weighted += excess * (static_cast<double>(i) + 0.35) / count / count;
    }
    const double difference = mean - 2 * weighted;
    const double measured = difference > 0 ? 2 - mean / difference : 0;
    const double shape = std::clamp(measured * count / (count + kPriorPeaks), kLightest, heaviest_shape);
    const double scale = mean * (1 - shape) * (1 + 1 / std::sqrt(count));
    return {.threshold = threshold, .share = count / texts, .scale = scale, .shape = shape, .largest = sorted[0]};
}

}  // namespace polyformer::substitution
