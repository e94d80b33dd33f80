// Ways to choose a polynomial, by name: for callers that compare them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "polyformer/approx/fitting/approximation.h"
#include "polyformer/approx/fitting/histogram.h"

namespace polyformer::approx {

/// A polynomial with the two errors that the log of substitutions records, both of approximation.kind.
struct MethodResult {
    Approximation approximation;  ///< max_grid_error and certified_error: unweighted, whatever the method minimises
    double mean_error = 0;        ///< for inputs distributed as the histogram, or evenly without one
};

/// "minimax": the largest error is smallest. "weighted_minimax": the same of √density · error.
/// "weighted_least_squares": the expected squared error is smallest. "chebyshev": interpolation at the Chebyshev
/// points.
std::vector<std::string> method_names();

/// The polynomial of at most `degree` that `method` gives. With ErrorKind::relative, errors count relative to |f|,
/// under the weights too ("chebyshev" minimises nothing: it only measures that way). `histogram` is of the measured
/// inputs; the weighted methods need it and the others only measure by it. Null: none. Throws Error listing the methods
/// when there is none of that name, for a weighted one without a histogram, and whatever the method throws.
MethodResult approximate(std::string_view method, const TargetFunction& target, Interval interval, std::size_t degree,
                         ErrorKind kind, const Histogram* histogram = nullptr);

}  // namespace polyformer::approx
