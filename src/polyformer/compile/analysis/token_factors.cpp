#include "polyformer/compile/analysis/token_factors.h"

#include <algorithm>
#include <utility>

namespace polyformer::compile {

namespace {

using model::NodeId;

/// The operands of a product, told apart; nothing where neither is one feature a token.
std::optional<TokenFactor> token_factor(const model::Multiply& product, const std::vector<NodeFacts>& facts) {
    const auto features_of = [&](NodeId node) { return facts[node].shape.features; };
    TokenFactor result{product.left, product.right};
    if (features_of(result.features) < features_of(result.factor)) std::swap(result.features, result.factor);
    if (features_of(result.factor) != 1 || features_of(result.features) == 1) return {};
    if (facts[result.factor].by_head) return {};  // it does not lie beside all features
    return result;
}

/// Whether attention reads the node as a query, turned or not.
bool is_query(const model::Graph& graph, const std::vector<NodeFacts>& facts, NodeId id) {
    return std::ranges::any_of(facts[id].uses, [&](const Use& use) {
        return use.role == Role::query ||
               (std::holds_alternative<model::RotateFeatures>(graph.nodes[use.reader].operation) &&
                is_query(graph, facts, use.reader));
    });
}

std::optional<TokenFactor> postponed_product(const model::Graph& graph, const std::vector<NodeFacts>& facts, NodeId id,
                                             TokenFactors factors) {
    const auto* product = std::get_if<model::Multiply>(&graph.nodes[id].operation);
    if (product == nullptr || factors == TokenFactors::before_maps) return {};
    bool attends = false;
    bool read_by_maps = false;
    for (const Use& use : facts[id].uses) {
        if (!std::holds_alternative<model::Linear>(graph.nodes[use.reader].operation)) continue;
        if (facts[use.reader].is_output) return {};
        read_by_maps = true;
        attends = attends || is_query(graph, facts, use.reader);
    }
    if (!read_by_maps || (!attends && factors != TokenFactors::behind_all_maps)) return {};
    return token_factor(*product, facts);
}

}  // namespace

std::vector<std::optional<TokenFactor>> postponed_products(const model::Graph& graph,
                                                           const std::vector<NodeFacts>& facts, TokenFactors factors) {
    std::vector<std::optional<TokenFactor>> postponed;
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        postponed.push_back(postponed_product(graph, facts, id, factors));
    }
    return postponed;
}

}  // namespace polyformer::compile
