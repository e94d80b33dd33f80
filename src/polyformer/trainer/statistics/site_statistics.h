// How the inputs of non-polynomial functions lie: extremes, shares outside, histograms.
#pragma once

#include <torch/torch.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "polyformer/approx/fitting/histogram.h"
#include "polyformer/trainer/batches/examples.h"
#include "polyformer/trainer/network/network.h"
#include "polyformer/trainer/sites/sites.h"

namespace polyformer::train {

/// What one site has seen so far.
struct SeenRange {
    double smallest = 0;
    double largest = 0;
    double mean_log = 0;  ///< of the logarithm, for variances: exp() of it is their geometric mean
    double values = 0;
    double outside = 0;  ///< values outside [lower, upper] of the site
    /// In bins of 1/32, variances in bins of 1/32 of their logarithm, as far as anything was seen; empty unless asked
    /// for. Edges are on the original scale.
    approx::Histogram histogram;
};

enum class Histograms { none, collect };

/// Collects the ranges at every site over many batches.
class RangeTable {
  public:
    explicit RangeTable(Histograms histograms = Histograms::none) : histograms_(histograms) {}
    void add(const std::vector<Site>& sites, const std::vector<torch::Tensor>& inputs);
    /// One a site, in order.
    std::vector<SeenRange> rows() const;
    /// A line a site: name, wanted interval, seen interval, share outside.
    std::string text(const std::vector<Site>& sites) const;

  private:
    Histograms histograms_;
    std::vector<SeenRange> rows_;
    std::vector<torch::Tensor> counts_;  // over all bins there are
    std::vector<SiteKind> kinds_;
};

struct RangeMeasurement {
    std::size_t steps = 0;  ///< batches, from the first one on
    Histograms histograms = Histograms::none;
    bool clamped = false;  ///< polynomials that the model has are read within their intervals
    bool quiet = true;     ///< no progress bar
};

/// The ranges at every site, without dropout.
RangeTable measure_ranges(Network& model, Examples& batches, const RangeMeasurement& measurement);

/// For reports: name, kind, function, interval wanted and seen, quantiles, and the histogram in at most 48 bins.
nlohmann::ordered_json to_json(const std::vector<Site>& sites, const RangeTable& table);

/// How far [smallest, largest] reaches beyond [lower, upper], as a share of its width; of its logarithmic width for
/// variances. 0 when inside; infinite for a variance that is not positive.
double excursion(SiteKind kind, double lower, double upper, double smallest, double largest);

}  // namespace polyformer::train
