#include "polyformer/service/private_logits.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "polyformer/support/error.h"

namespace polyformer::service {

std::vector<Probable> most_probable(std::span<const double> logits, std::size_t most) {
    std::vector<std::size_t> order(logits.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const std::size_t count = std::min(most, order.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                      [&](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
    const double greatest = logits[order.front()];
    double sum = 0;
    for (const double logit : logits) sum += std::exp(logit - greatest);
    std::vector<Probable> probable;
    for (const std::size_t entry : std::span(order).first(count)) {
        probable.push_back({entry, std::exp(logits[entry] - greatest) / sum});
    }
    return probable;
}

PrivateLogits::PrivateLogits(std::vector<double> values, std::vector<std::size_t> rows, std::size_t vocabulary)
    : values_(std::move(values)), rows_(std::move(rows)), vocabulary_(vocabulary) {
    const std::size_t all = std::reduce(rows_.begin(), rows_.end());
    require(!values_.empty() && values_.size() == all * vocabulary && std::ranges::find(rows_, 0U) == rows_.end(),
            "{} logits are not {} rows of {}, of {} image(s) or text(s)", values_.size(), all, vocabulary,
            rows_.size());
}

std::vector<Likely> PrivateLogits::most_likely(std::size_t image, std::size_t most) const {
    require(image < images(), "image {} of {} is not there", image, images());
    const std::size_t end = std::reduce(rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(image + 1));
    const auto last = std::span(values_).subspan((end - 1) * vocabulary_, vocabulary_);
    std::vector<Likely> likely;
    for (const Probable& probable : most_probable(last, most)) {
        likely.push_back({probable.entry, static_cast<int>(std::lround(100 * probable.probability))});
    }
    return likely;
}

std::vector<double> PrivateLogits::rounded(double grid) const {
    require(std::isfinite(grid) && grid > 0, "logits cannot be rounded to multiples of {}", grid);
    std::vector<double> values;
    for (const double value : values_) values.push_back(grid * std::round(value / grid));
    return values;
}

}  // namespace polyformer::service
