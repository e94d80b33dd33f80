// Softmax made fit for polynomials: shifts that predict log-sum-exps, heads that are constants.
#pragma once

#include <cstddef>
#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/substitution/polynomials/trial.h"
#include "polyformer/substitution/softmax/attention.h"
#include "polyformer/substitution/softmax/score_shifts.h"
#include "polyformer/substitution/steps/options.h"

namespace polyformer::substitution {

/// A head that became a mask.
struct FoldedHead {
    std::size_t attention = 0;
    std::size_t head = 0;
    double spread = 0;  ///< see ConstantHead
    double loss = 0;    ///< that folding it added
};

/// What was found of each attention, in order of evaluation.
struct FittedAttention {
    std::vector<SoftmaxAttention> attentions = {};
    std::vector<std::vector<HeadResidual>> residuals = {};  ///< (attentions, heads)
    std::vector<FoldedHead> folded = {};
};

/// From one pass over the sample: sets the shifts of all attentions, and makes masks of heads that hardly depend on the
/// text, as long as that costs no more than a tenth of the loss that may be.
FittedAttention fit_attention(model::Graph& graph, const Texts& sample, const Trial& trial,
                              const SubstitutionOptions& options);

}  // namespace polyformer::substitution
