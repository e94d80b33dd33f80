// What a polynomial costs under encryption, before there is a plan.
#pragma once

#include <cstddef>
#include <vector>

#include "polyformer/compile/plan/cost_model.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::substitution {

/// Seconds by the compiler's cost model: the products of the polynomial on each ciphertext of the site's values, and
/// its share of the bootstraps that its levels bring nearer, as if the stream of tokens were refreshed whenever the
/// levels between two bootstraps are used up.
class Prices {
  public:
    explicit Prices(const model::Graph& graph, const compile::CostModel& costs = {});
    double of(model::NodeId site, std::size_t degree) const;

  private:
    std::vector<double> values_;  ///< for each node, at full context
    double slots_ = 0;
    double product_ = 0;  ///< seconds of one
    double level_ = 0;    ///< seconds of one
};

}  // namespace polyformer::substitution
