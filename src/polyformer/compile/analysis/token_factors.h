// Products with a factor that all features of a token share, such as a norm's 1/√variance: before or behind a map.
#pragma once

#include <optional>
#include <vector>

#include "polyformer/compile/analysis/facts.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

/// Where such a factor is multiplied: into what a linear map reads, or into what it gives. Behind the map it may come a
/// level later, for as many products as the map has outputs.
enum class TokenFactors { before_maps, behind_attention_maps, behind_all_maps };

/// features · factor, factor one feature a token.
struct TokenFactor {
    model::NodeId features = 0;
    model::NodeId factor = 0;
};

/// For each node of the graph: nothing, or the operands of a product that the maps behind it make up for: some for
/// attention among them, unless all are meant. Other readers still need the product.
std::vector<std::optional<TokenFactor>> postponed_products(const model::Graph& graph,
                                                           const std::vector<NodeFacts>& facts, TokenFactors factors);

}  // namespace polyformer::compile
