#include "polyformer/substitution/polynomials/prices.h"

#include <cmath>

#include "polyformer/approx/numerics/chebyshev_polynomial.h"
#include "polyformer/ckks/polynomials/polynomial_evaluation.h"
#include "polyformer/ckks/scheme/parameters.h"
#include "polyformer/model/graph/graph_shapes.h"

namespace polyformer::substitution {
namespace {

/// Lanes are doubled or padded: some half of the slots hold values.
constexpr double kUsedSlots = 0.5;

}  // namespace

Prices::Prices(const model::Graph& graph, const compile::CostModel& costs) {
    const ckks::Parameters parameters = ckks::Parameters::create(ckks::presets::bootstrapping_65536());
    for (const model::Shape& shape : model::shapes_of(graph)) {
        values_.push_back(static_cast<double>(shape.scores ? shape.features * shape.tokens * shape.window
                                                           : shape.features * shape.tokens));
    }
    slots_ = static_cast<double>(parameters.slots());
    const int middle = (parameters.working_level() + parameters.bootstrapping_input_level()) / 2;
    product_ = costs.multiplication(parameters, middle);
    const double stream = std::ceil(static_cast<double>(graph.context * graph.width) / (slots_ * kUsedSlots));
    level_ = stream * costs.bootstrap / (parameters.working_level() - parameters.bootstrapping_input_level());
}

double Prices::of(model::NodeId site, std::size_t degree) const {
    const double ciphertexts = std::ceil(values_[site] / (slots_ * kUsedSlots));
    return ciphertexts * product_ * ckks::chebyshev_products(degree) +
           level_ * static_cast<double>(approx::depth_of_degree(degree));
}

}  // namespace polyformer::substitution
