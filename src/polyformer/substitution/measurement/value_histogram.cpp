#include "polyformer/substitution/measurement/value_histogram.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "polyformer/support/error.h"

namespace polyformer::substitution {
namespace {

std::int64_t half_of(std::int64_t bin) {
    return bin >= 0 ? bin / 2 : (bin - 1) / 2;
}

}  // namespace

void ValueHistogram::add(double value, double weight) {
    // Bins must be wide enough that their number is exact.
    while (std::abs(std::ldexp(value, -exponent_)) > 0x1p50) coarsen();
    auto bin = static_cast<std::int64_t>(std::floor(std::ldexp(value, -exponent_)));
    const auto inside = [&] { return bin >= first_ && bin < first_ + static_cast<std::int64_t>(counts_.size()); };
    if (!inside()) {
        cover(bin);
        bin = static_cast<std::int64_t>(std::floor(std::ldexp(value, -exponent_)));
    }
    counts_[static_cast<std::size_t>(bin - first_)] += weight;
}

void ValueHistogram::merge(const ValueHistogram& other) {
    if (other.empty()) return;
    ValueHistogram finer = other;
    while (finer.exponent_ < exponent_) finer.coarsen();
    while (exponent_ < finer.exponent_) coarsen();
    for (const bool at_end : {false, true}) {
        const std::int64_t end = finer.first_ + static_cast<std::int64_t>(finer.counts_.size()) - 1;
        cover(at_end ? end : finer.first_);
        while (finer.exponent_ < exponent_) finer.coarsen();
    }
    for (std::size_t i = 0; i < finer.counts_.size(); ++i) {
        counts_[static_cast<std::size_t>(finer.first_ - first_) + i] += finer.counts_[i];
    }
}

double ValueHistogram::total() const {
    return std::accumulate(counts_.begin(), counts_.end(), 0.0);
}

approx::Histogram ValueHistogram::histogram(std::size_t most_bins) const {
    require(!empty(), "a histogram without values has no bins: measure some first");
    ValueHistogram coarse = *this;
    while (coarse.counts_.size() > most_bins) coarse.coarsen();
    approx::Histogram result;
    for (std::size_t i = 0; i <= coarse.counts_.size(); ++i) {
        result.edges.push_back(
            std::ldexp(static_cast<double>(coarse.first_ + static_cast<std::int64_t>(i)), coarse.exponent_));
    }
    result.counts = std::move(coarse.counts_);
    return result;
}

double ValueHistogram::quantile(double share) const {
    require(!empty(), "a histogram without values has no quantiles: measure some first");
    const double wanted = share * total();
    double below = 0;
    std::size_t bin = 0;
    while (bin + 1 < counts_.size() && below + counts_[bin] < wanted) below += counts_[bin++];
    const double inside = counts_[bin] > 0 ? std::clamp((wanted - below) / counts_[bin], 0.0, 1.0) : 0.5;
    return std::ldexp(static_cast<double>(first_ + static_cast<std::int64_t>(bin)) + inside, exponent_);
}

void ValueHistogram::coarsen() {
    ++exponent_;
    if (counts_.empty()) return;
    const std::int64_t first = half_of(first_);
    const std::int64_t last = half_of(first_ + static_cast<std::int64_t>(counts_.size()) - 1);
    std::vector<double> joined(static_cast<std::size_t>(last - first + 1), 0.0);
    for (std::size_t i = 0; i < counts_.size(); ++i) {
        joined[static_cast<std::size_t>(half_of(first_ + static_cast<std::int64_t>(i)) - first)] += counts_[i];
    }
    first_ = first;
    counts_ = std::move(joined);
}

/// Makes room for a bin, numbered by the width at the call; afterwards the width may be greater.
void ValueHistogram::cover(std::int64_t bin) {
    if (counts_.empty()) {
        first_ = bin;
        counts_.assign(1, 0.0);
        return;
    }
    const auto reach = [&] {
        const std::int64_t last = std::max(bin, first_ + static_cast<std::int64_t>(counts_.size()) - 1);
        return last - std::min(bin, first_) + 1;
    };
    while (reach() > static_cast<std::int64_t>(kMostBins)) {
        coarsen();
        bin = half_of(bin);
    }
    const auto size = static_cast<std::size_t>(reach());
    if (bin < first_) {
        counts_.insert(counts_.begin(), static_cast<std::size_t>(first_ - bin), 0.0);
        first_ = bin;
    }
    counts_.resize(size, 0.0);
}

}  // namespace polyformer::substitution
