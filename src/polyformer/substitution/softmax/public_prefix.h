// Public tokens before every text of a causal model: their keys and values do not depend on the text, so the model's
// owner computes them in the clear, and they are constants of the graph.
//
// A token that begins a text has nothing to look at but itself, and many models grow features there that are thousands
// of times larger than all others, for later tokens to look at when they want nothing. Behind the right tokens no token
// of a text does that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/interpreter/interpreter.h"

namespace polyformer::substitution {

/// The graph for `context` tokens behind `prefix`, (P, width) as embedded for places 0 to P − 1. `exact` has exact
/// functions and a context of at least P more; rotary positions begin at P. Each attention gets, with H heads and
/// column h·P + p, "ATTENTION.prefix_scores" (a map of the queries), "prefix_shifted", "prefix_weights",
/// "prefix_values", "prefix_sums" (where P > 1), "values_total" and "sums_total". Without a prefix the graph is only
/// cut to the context. Throws Error when an attention is of a form that has no place for a prefix.
model::Graph with_prefix(const model::Graph& exact, const model::Tensor& prefix, std::size_t context);

/// How far the tokens of texts lie from each other in what norms divide by, and how well the next one is predicted.
struct PrefixEffect {
    double ratio = 0;  ///< the greatest variance that enters a norm by the median of that norm, the greatest over norms
    std::string norm = {};  ///< where
    std::size_t huge = 0;   ///< texts in which a variance is more than kHugeRatio times its norm's median
    double perplexity = 0;  ///< of each text's tokens but the first, if that was asked for
};

/// Variances this many times a norm's median are of features grown for others to look at, not of what a text says.
inline constexpr double kHugeRatio = 1000;

/// Of texts behind a prefix, by the exact graph; its context must hold both. `embed` is of tokens from place 0.
PrefixEffect effect_of_prefix(const model::Graph& exact, const std::vector<std::int32_t>& prefix,
                              const std::vector<std::vector<std::int32_t>>& texts,
                              const std::function<model::Tensor(std::span<const std::int32_t>)>& embed,
                              bool predict = true);

}  // namespace polyformer::substitution
