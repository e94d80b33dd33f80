// Heads whose weights do not depend on the text: a constant mix of tokens, for which a mask serves.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/substitution/softmax/attention.h"

namespace polyformer::substitution {

/// A head and what it gives to each key, (context, context).
struct ConstantHead {
    std::size_t attention = 0;  ///< in softmax_attentions()
    std::size_t head = 0;
    std::vector<float> pattern = {};
    /// What the text decides: the mean over queries of Σ_k (weight − pattern)².
    double spread = 0;
};

/// The mean weight of each key for each query over many texts, from one pass with exact functions; not of causal
/// attention. Takes the square of the context for each head.
class PatternFit {
  public:
    explicit PatternFit(const model::Graph& graph);
    void observe(model::NodeId node, std::span<const model::Tensor> values);
    /// Those whose spread is at most so large and whose pattern leaves no query without most of its weight in texts
    /// that are shorter than the context, the steadiest first.
    std::vector<ConstantHead> find(double most_spread) const;

  private:
    struct Sums {
        std::vector<float> weights;      ///< (H, context, context)
        std::vector<double> squares;     ///< for each head
        std::vector<std::size_t> texts;  ///< by number of tokens
    };

    std::size_t context_;
    std::vector<SoftmaxAttention> attentions_;
    std::map<model::NodeId, std::size_t> by_weights_;
    std::vector<Sums> sums_;
};

/// Makes a head constant: its queries and its shift become 0, so that exp gives 1, and the masks of its values and sums
/// become the pattern. Throws Error when the head's queries are no linear map of their own.
void fold(model::Graph& graph, const SoftmaxAttention& attention, const ConstantHead& head);

}  // namespace polyformer::substitution
