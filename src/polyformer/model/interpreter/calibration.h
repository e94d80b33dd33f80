// Ranges measured on samples: bounds for the compiler, intervals for the polynomials.
#pragma once

#include <functional>
#include <span>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/interpreter/interpreter.h"

namespace polyformer::model {

/// Sets every node's bound to the largest |value| over the samples, times (1 + margin); scores above the diagonal count
/// too, for they fill slots like any other. Polynomials stay as they are. Each sample is an embedded sequence (T,
/// width). Throws Error when there are no samples, margin is negative, or a value is not finite.
void calibrate(Graph& graph, std::span<const Tensor> samples, double margin);

/// Chooses the polynomial of `node`, whose inputs spanned [smallest, largest] over the samples.
using FitPolynomial = std::function<Polynomial(const Node& node, double smallest, double largest)>;

/// Replaces every polynomial in order of evaluation, each seeing what the ones already replaced make of the samples.
void fit_polynomials(Graph& graph, std::span<const Tensor> samples, const FitPolynomial& fit);

}  // namespace polyformer::model
