#include "polyformer/model/graph/graph.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>
#include <unordered_set>

#include "polyformer/model/graph/graph_shapes.h"
#include "polyformer/model/graph/limits.h"
#include "polyformer/model/graph/visit.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

namespace {

void check_sizes(const Graph& graph) {
    require(graph.context >= 1 && graph.context <= kMaxContext, "a context of {} tokens is outside 1 to {}",
            graph.context, kMaxContext);
    require(graph.width >= 1 && graph.width <= kMaxFeatures, "a width of {} features is outside 1 to {}", graph.width,
            kMaxFeatures);
    require(graph.vocabulary >= 1 && graph.vocabulary <= kMaxFeatures, "a vocabulary of {} is outside 1 to {}",
            graph.vocabulary, kMaxFeatures);
    require(!graph.nodes.empty() && graph.nodes.size() <= kMaxNodes, "a graph of {} nodes is outside 1 to {}",
            graph.nodes.size(), kMaxNodes);
}

void check_name(const std::string& name, NodeId id) {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    require(!name.empty() && name.size() <= kMaxNameLength && name.find_first_not_of(allowed) == std::string::npos,
            "node {}: a name must be 1 to {} letters, digits, dots, dashes or underscores", id, kMaxNameLength);
}

template <class Value>
void check_finite(const Node& node, std::string_view what, std::span<const Value> values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        require(std::isfinite(values[i]), "node '{}': {} has the value {} at index {}; it must be finite", node.name,
                what, values[i], i);
    }
}

void check_causal(const Node& node, const Matrix& mask) {
    for (std::size_t row = 0; row < mask.rows; ++row) {
        const std::size_t query = row % mask.columns;
        for (std::size_t key = query + 1; key < mask.columns; ++key) {
            const float weight = mask.values[row * mask.columns + key];
            require(weight == 0, "node '{}': head {} lets query {} see key {} with weight {}, but the node is causal",
                    node.name, row / mask.columns, query, key, weight);
        }
    }
}

void check_mask(const Node& node, const Matrix& mask, bool causal) {
    check_finite<float>(node, "the mask", mask.values);
    if (causal) check_causal(node, mask);
}

void check_polynomial(const Node& node, const Apply& apply) {
    require(apply.replaces.size() <= kMaxNameLength &&
                std::ranges::all_of(apply.replaces, [](char c) { return c >= ' ' && c <= '~'; }),
            "node '{}': what the polynomial replaces must be at most {} printable ASCII characters", node.name,
            kMaxNameLength);
    const Polynomial& polynomial = apply.polynomial;
    require(std::isfinite(polynomial.lower) && std::isfinite(polynomial.upper) && polynomial.lower < polynomial.upper,
            "node '{}': the polynomial's interval [{}, {}] is empty or not finite; lower must be below upper",
            node.name, polynomial.lower, polynomial.upper);
    const double length = polynomial.upper - polynomial.lower;
    require(std::isnormal(length) && std::isfinite(2 / length),
            "node '{}': the polynomial's interval [{}, {}] is too short or too long to scale to [-1, 1]", node.name,
            polynomial.lower, polynomial.upper);
    require(polynomial.coefficients.size() <= kMaxCoefficients, "node '{}': {} coefficients are more than {}",
            node.name, polynomial.coefficients.size(), kMaxCoefficients);
    check_finite<double>(node, "the polynomial", polynomial.coefficients);
}

void check_numbers(const Node& node) {
    require(std::isfinite(node.bound) && node.bound > 0, "node '{}': the bound is {}; it must be positive and finite",
            node.name, node.bound);
    std::visit(
        Overloaded{[&](const Linear& linear) {
                       check_finite<float>(node, "the weight", linear.weight.values);
                       check_finite<float>(node, "the bias", linear.bias);
                   },
                   [&](const Apply& apply) { check_polynomial(node, apply); },
                   [&](const AddConstant& sum) { check_finite<float>(node, "the constant", sum.values.values); },
                   [&](const RotateFeatures& turn) { check_finite<float>(node, "the angles", turn.angles.values); },
                   [&](const MixTokens& mix) {
                       check_finite<float>(node, "the weight", mix.weights.values);
                       check_finite<float>(node, "the bias", mix.bias);
                   },
                   [&](const ScaleFeatures& scale) {
                       check_finite<float>(node, "the factors", scale.factors);
                       check_finite<float>(node, "the bias", scale.bias);
                   },
                   [&](const AttentionScores& scores) {
                       check_finite<double>(node, "the scale", std::span(&scores.scale, 1));
                       check_finite<float>(node, "the bias", scores.bias.values);
                   },
                   [&](const AttentionSums& sums) { check_mask(node, sums.mask, sums.causal); },
                   [&](const AttentionValues& values) { check_mask(node, values.mask, values.causal); },
                   [](const auto&) {}},
        node.operation);
}

void check_uses(const Graph& graph) {
    std::vector<bool> used(graph.nodes.size(), false);
    for (const Node& node : graph.nodes) {
        for (const NodeId input : inputs_of(node.operation)) used[input] = true;
    }
    for (NodeId id = 0; id + 1 < graph.nodes.size(); ++id) {
        require(used[id], "node '{}' is used by no other node; only the last, the logits, may be",
                graph.nodes[id].name);
    }
}

}  // namespace

std::size_t key_heads_of(const AttentionScores& scores) {
    return scores.key_heads == 0 ? scores.heads : scores.key_heads;
}

std::size_t value_heads_of(const AttentionValues& values) {
    return values.value_heads == 0 ? values.heads : values.value_heads;
}

std::vector<NodeId> inputs_of(const Operation& operation) {
    using Inputs = std::vector<NodeId>;
    return std::visit(Overloaded{[](const Input&) { return Inputs{}; },
                                 [](const Add& add) {
                                     return Inputs{add.left, add.right};
                                 },
                                 [](const Multiply& product) {
                                     return Inputs{product.left, product.right};
                                 },
                                 [](const AttentionScores& scores) {
                                     return Inputs{scores.query, scores.key};
                                 },
                                 [](const ShiftScores& shift) {
                                     return Inputs{shift.scores, shift.shift};
                                 },
                                 [](const AttentionSums& sums) { return Inputs{sums.scores}; },
                                 [](const AttentionValues& values) {
                                     return Inputs{values.scores, values.value};
                                 },
                                 [](const auto& with_one_input) { return Inputs{with_one_input.input}; }},
                      operation);
}

void validate(const Graph& graph) {
    check_sizes(graph);
    std::unordered_set<std::string_view> names;
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        const Node& node = graph.nodes[id];
        check_name(node.name, id);
        require(names.insert(node.name).second, "two nodes are named '{}'; names must be unique", node.name);
        require(std::holds_alternative<Input>(node.operation) == (id == 0),
                "node {} ('{}'): the first node, and no other, must be the input", id, node.name);
    }
    const std::vector<Shape> shapes = shapes_of(graph);
    for (const Node& node : graph.nodes) check_numbers(node);
    check_uses(graph);
    const Shape& logits = shapes.back();
    require(
        !logits.scores && logits.features == graph.vocabulary && (logits.tokens == graph.context || logits.tokens == 1),
        "the last node '{}' is {}, but the logits must be ({}, {}) or (1, {})", graph.nodes.back().name,
        to_string(logits), graph.context, graph.vocabulary, graph.vocabulary);
}

}  // namespace polyformer::model
