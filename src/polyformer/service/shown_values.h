// What may be shown of decrypted numbers: rounded to a grid that hides their noise, which depends on the secret key.
#pragma once

#include <span>
#include <vector>

#include "polyformer/service/client_plan.h"

namespace polyformer::service {

/// A power of two that hides the noise in roundings: many times what the plan foresees.
double disclosed_grid(const ClientPlan& plan);

/// What embeddings and scores are shown by: about 1/256 of the outputs' bound, or the grid above where that is coarser.
/// Noise that is foreseen to drown the outputs says nothing of the noise that is there.
double shown_grid(const ClientPlan& plan);

/// To multiples of `grid`; as they are where it is 0.
std::vector<double> rounded_to(std::vector<double> values, double grid);

/// A vector as it is shown.
struct ShownVector {
    std::vector<double> values;
    double length = 0;  ///< before it was normalised
};

/// Divided by its length where it is to be normalised, and rounded to `grid`, or, since the noise shrinks with the
/// vector, to one that is finer by its length. Exact for a grid of 0.
ShownVector shown_vector(std::span<const double> values, bool normalise, double grid);

}  // namespace polyformer::service
