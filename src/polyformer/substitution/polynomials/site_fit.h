// The polynomial of one site: where it must hold, and what it is there.
#pragma once

#include <cstddef>

#include "polyformer/approx/numerics/chebyshev_polynomial.h"
#include "polyformer/model/graph/graph.h"
#include "polyformer/substitution/measurement/site_statistics.h"
#include "polyformer/substitution/measurement/tail_estimate.h"

namespace polyformer::substitution {

/// An interval and how likely a text has an input beyond one of its ends, by what the texts that were seen say.
struct SiteInterval {
    approx::Interval interval = {};
    double escape = 0;
};

/// Wide enough that a text leaves it at either end with this probability, and then by `margin` of its width at both
/// ends (for 1/x and 1/√x by a factor of e^(10 · margin)), for texts of other kinds than the ones seen.
/// Throws Error when no text had finite inputs.
SiteInterval interval_of(const SiteStatistics& site, double escape, double margin);

/// The interval with this upper end, if that is lower, and how likely it is to be left then.
SiteInterval cut_above(const SiteStatistics& site, const SiteInterval& interval, double upper);

/// Cut where a bootstrap's noise, which is some share of the upper end, would hide the least of positive inputs that
/// was seen, but not below the greatest one of the sample. A text beyond that has no answer, but of the others none
/// would have one else.
SiteInterval cut_for_noise(const SiteStatistics& site, const SiteInterval& interval);

/// A polynomial for a site, with its errors.
struct SiteFit {
    model::Polynomial polynomial = {};
    bool relative = false;     ///< errors are of |f − p| / |f|
    double mean_error = 0;     ///< for inputs as they were seen
    double largest_error = 0;  ///< anywhere in the interval
};

/// What the noise of a bootstrap before the function makes of the input: the mean of |noise / x|, at most 1 each.
double error_by_noise(const SiteStatistics& site, approx::Interval interval);

/// The polynomial of at most this degree with the least expected squared error for inputs as they were seen, tame in
/// the rest of the interval; relative error for 1/x and 1/√x. Throws Error for a function that is not known.
SiteFit fit_site(const SiteStatistics& site, approx::Interval interval, std::size_t degree);

}  // namespace polyformer::substitution
