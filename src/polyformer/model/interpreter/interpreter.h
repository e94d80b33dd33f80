// The exact interpreter: evaluates a graph in double precision, token by token as written. It is the oracle that every
// encrypted back end is held against.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "polyformer/model/graph/graph.h"

namespace polyformer::model {

/// Row-major (rows, columns) in double; an activation is (T, C), scores are (H·T, W).
struct Tensor {
    std::size_t rows = 0;
    std::size_t columns = 0;
    std::vector<double> values;
    double& at(std::size_t row, std::size_t column) { return values[row * columns + column]; }
    double at(std::size_t row, std::size_t column) const { return values[row * columns + column]; }
};

/// How much of what entered one polynomial lay outside its interval. For scores only the entries that the mask keeps
/// count.
struct IntervalReport {
    std::string node;
    double lower = 0;
    double upper = 0;
    std::size_t values = 0;
    std::size_t outside = 0;  ///< values that are not numbers among them
    double smallest = 0;      ///< of all inputs seen; NaN when one is, as is the largest
    double largest = 0;
};

/// What one evaluation gives.
struct Evaluation {
    Tensor logits;                          ///< (T, vocabulary), or (1, vocabulary) where tokens are averaged
    std::vector<IntervalReport> intervals;  ///< one per Apply node, in order
    std::vector<double> largest;            ///< per node: the largest |value|
};

/// Evaluates the graph on embedded tokens (T, width), 1 ≤ T ≤ context. With fewer tokens than the context the result is
/// that of the first T tokens of a causal model; others take no fewer (takes_shorter_inputs()). May be called from many
/// threads at once. Throws Error when the shape does not fit.
Evaluation evaluate(const Graph& graph, const Tensor& embedded);

/// What an Apply does: its polynomial, or the function that its `replaces` names ("gelu", "exp", "inverse_sqrt",
/// whatever approx::target_function() knows), so that the same graph is the model before substitution. No back end can
/// run the latter. An Apply that replaces nothing keeps its polynomial.
enum class Functions { polynomials, exact };

/// Called with the values of one node, one a text, in order of evaluation; they are dropped after their last reader.
using Observer = std::function<void(NodeId node, std::span<const Tensor> values)>;

/// The logits of many texts, each (T, width) with a T of its own. Weights are fetched once for all of them: much faster
/// than one by one where texts are short. Memory is what all of them take together: give some thousand tokens at once.
/// Throws as evaluate() does, and Error listing the names for a function that is not known.
std::vector<Tensor> evaluate_batch(const Graph& graph, std::span<const Tensor> embedded, Functions functions,
                                   const Observer& observer = {});

/// All node values too, for tests of a compiler: one Tensor per node.
std::vector<Tensor> evaluate_all(const Graph& graph, const Tensor& embedded);

}  // namespace polyformer::model
