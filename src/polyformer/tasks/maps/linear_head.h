// A linear classifier on the vectors that an encoder gives: multinomial logistic regression.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "polyformer/model/graph/graph.h"

namespace polyformer::tasks {

/// How to fit it.
struct HeadOptions {
    /// Weight of |W|²/2 against the mean loss. 1/(C·n) of scikit-learn's C, for n texts.
    double penalty = 1e-4;
    std::size_t most_iterations = 500;
};

/// logits = x·weight + bias.
struct LinearHead {
    model::Matrix weight;     ///< (features, classes)
    std::vector<float> bias;  ///< (classes)
    double loss = 0;          ///< mean −log of the true class's probability, on what it was fitted to
};

/// Fits to rows `x` of `features` numbers and their classes, 0 to classes − 1, by L-BFGS in double precision.
/// `progress` gets the share of most_iterations done. Throws Error when there are fewer than two classes, a number is
/// not finite or sizes do not fit.
LinearHead fit_linear_head(std::span<const std::vector<double>> x, std::span<const std::size_t> classes_of,
                           std::size_t classes, const HeadOptions& options,
                           const std::function<void(double)>& progress = {});

}  // namespace polyformer::tasks
