// A histogram of values whose range nobody knows beforehand, in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "polyformer/approx/fitting/histogram.h"

namespace polyformer::substitution {

/// Bins of one width, a power of two that doubles whenever there would be too many of them. So bins of two histograms
/// always fall together once the finer ones are joined, and the order of values and of merges is of no matter.
class ValueHistogram {
  public:
    static constexpr std::size_t kMostBins = 1024;

    /// Counts a finite value so many times.
    void add(double value, double weight = 1);
    void merge(const ValueHistogram& other);
    bool empty() const { return counts_.empty(); }
    double total() const;

    /// In at most so many bins. Throws Error when empty.
    approx::Histogram histogram(std::size_t most_bins) const;
    /// The value below which this share lies, to the width of a bin. Throws Error when empty.
    double quantile(double share) const;

  private:
    void coarsen();
    void cover(std::int64_t bin);

    int exponent_ = -24;      ///< bins are 2^exponent wide
    std::int64_t first_ = 0;  ///< counts_[i] is of [(first + i)·width, (first + i + 1)·width)
    std::vector<double> counts_;
};

}  // namespace polyformer::substitution
