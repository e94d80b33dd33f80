// Polynomials in the places of functions: intervals from calibration, degrees given or chosen jointly, and a log of
// what each one cost.
#pragma once

#include <torch/torch.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "polyformer/train/configuration/config.h"
#include "polyformer/trainer/network/network.h"
#include "polyformer/trainer/statistics/site_statistics.h"

namespace polyformer::train {

/// Sets the intervals that range minimisation aims for; those of variances lie around their geometric mean as seen.
/// Throws Error when `targets` names a site that the model does not have.
void set_target_ranges(std::vector<Site>& sites, const RangeTable& seen, const TargetRanges& targets);

/// What was done, for reports: one entry a site in "substitution" (function, method, degree, depth, intervals, errors,
/// loss change when this site alone is substituted), all that was tried in "degree_search", levels in "depth".
using SubstitutionLog = nlohmann::ordered_json;

/// Gives every site the polynomial of its function on what was seen, widened by the margin; what was seen becomes the
/// interval that range minimisation holds on to. `seen` must have histograms; loss changes are measured on `blocks`.
/// The functions stay known to the sites: Transformer::polynomials turns them back on. Throws Error for an architecture
/// without a polynomial form, and when no polynomial fits.
SubstitutionLog substitute(Network& model, const RangeTable& seen, const Substitution& substitution,
                           const std::vector<Batch>& blocks);

/// Fits every polynomial anew, its degree kept, to what the model does now that it was trained with them: so that the
/// margin lies around the final weights. An entry a site: interval and what was seen. Throws as substitute() does.
nlohmann::ordered_json recalibrate(Network& model, const RangeTable& seen, const Substitution& substitution);

}  // namespace polyformer::train
