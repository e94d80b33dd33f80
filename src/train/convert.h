// From a tuned LibTorch model to a polynomial one: calibrate, substitute, export.
#pragma once

#include <cstddef>

#include "model/transformer_builder.h"
#include "train/batches.h"
#include "train/config.h"
#include "train/ranges.h"
#include "train/transformer.h"

namespace polyformer::train {

/// The ranges at every site over the first `steps` batches, without dropout.
RangeTable measure_ranges(Transformer& model, Batches& batches, std::size_t steps);

/// Sets the intervals that range minimisation aims for; those of variances lie around their geometric mean as seen.
void set_target_ranges(std::vector<Site>& sites, const RangeTable& seen, const TargetRanges& targets);

/// Gives every site the minimax polynomial of its function (relative error for 1/√v) on what was seen widened by the
/// margin; what was seen becomes the interval that range minimisation holds on to.
void substitute(std::vector<Site>& sites, const RangeTable& seen, const Substitution& substitution);

/// The weights in the form that model/ folds into a graph.
model::TransformerWeights export_weights(const Transformer& model);
/// The polynomials. Throws Error when a site has none yet.
model::TransformerPolynomials export_polynomials(const Transformer& model);

}  // namespace polyformer::train
