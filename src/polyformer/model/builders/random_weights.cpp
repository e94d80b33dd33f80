#include "polyformer/model/builders/random_weights.h"

#include "polyformer/approx/fitting/approximation.h"
#include "polyformer/model/interpreter/calibration.h"

namespace polyformer::model {

namespace {

Polynomial polynomial_for(const RandomFit& fit, const Node& node, double smallest, double largest) {
    const std::string& target = std::get<Apply>(node.operation).replaces;
    const bool positive = target == "inverse_sqrt" || target == "reciprocal";
    const std::size_t degree = target == "inverse_sqrt" ? fit.inverse_sqrt_degree
                               : target == "reciprocal" ? fit.reciprocal_degree
                               : target == "exp"        ? fit.exp_degree
                                                        : fit.activation_degree;
    const double slack = fit.margin * (largest - smallest);
    // What is positive stays so: widen by a ratio.
    const approx::Interval interval{positive ? smallest / (1 + fit.margin) : smallest - slack,
                                    positive ? largest * (1 + fit.margin) : largest + slack};
    const auto found = approx::chebyshev_interpolation(approx::target_function(target), interval, degree);
    return {found.polynomial.lower, found.polynomial.upper, found.polynomial.coefficients};
}

}  // namespace

void fit_to_samples(Graph& graph, std::span<const Tensor> samples, const RandomFit& fit) {
    fit_polynomials(graph, samples, [&](const Node& node, double smallest, double largest) {
        return polynomial_for(fit, node, smallest, largest);
    });
    calibrate(graph, samples, fit.margin);
    validate(graph);
}

}  // namespace polyformer::model
