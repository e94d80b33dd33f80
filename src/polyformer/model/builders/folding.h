// What the builders of graphs share: checks of plain weights, and folding what is linear into the maps beside it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "polyformer/model/builders/transformer_builder.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::model {

/// Appends a node with bound 1.
NodeId append(Graph& graph, std::string name, Operation operation);
NodeId append_linear(Graph& graph, std::string name, NodeId input, LinearWeights weights);

/// Throws Error, naming the weight, unless it is (rows, columns).
void check_matrix(const Matrix& matrix, std::size_t rows, std::size_t columns, std::string_view name);
void check_vector(const std::vector<float>& vector, std::size_t size, std::string_view name, std::string_view what);
/// A weight of (rows, columns) and its bias, if it has one.
void check_linear(const LinearWeights& linear, std::size_t rows, std::size_t columns, std::string_view name);
/// gamma and beta of `width` entries.
void check_norm(const NormWeights& norm, std::size_t width, std::string_view name, std::string_view what);
/// Throws Error unless the factor on scores is positive and finite.
void check_score_scale(double scale, std::size_t head_width);

/// (n ⊙ gamma + beta)·W + b as one map of the normalised n; an RMSNorm has no beta. Shapes must fit: see the checks
/// above.
LinearWeights with_norm_before(const NormWeights& norm, LinearWeights linear);

/// Each row less its mean.
Matrix centred(Matrix matrix);
/// Each output less the mean over outputs, as one map: what a LayerNorm subtracts.
LinearWeights centred(LinearWeights linear);

/// (x·W + b) ⊙ gamma + beta as one map of x.
LinearWeights with_norm_behind(const LinearWeights& linear, const NormWeights& norm);

}  // namespace polyformer::model
