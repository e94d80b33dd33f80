#include "model/graph.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>
#include <unordered_set>

#include "model/limits.h"
#include "model/visit.h"
#include "support/error.h"

namespace polyformer::model {

namespace {

std::string to_string(const Shape& shape) {
    return shape.scores ? fmt::format("scores of {} heads", shape.features) : fmt::format("(T, {})", shape.features);
}

/// Works out one node's shape from those of the nodes before it, and throws where they do not fit.
class ShapeRules {
  public:
    ShapeRules(const Graph& graph, NodeId id, std::span<const Shape> earlier)
        : graph_(graph), id_(id), earlier_(earlier) {}

    Shape operator()(const Input&) const { return {false, graph_.width}; }

    Shape operator()(const Linear& linear) const {
        const Shape input = activation(linear.input, "a linear map");
        const Matrix& weight = linear.weight;
        require(weight.values.size() == weight.rows * weight.columns,
                "node '{}': the weight holds {} values, but its shape ({}, {}) needs {}", name(), weight.values.size(),
                weight.rows, weight.columns, weight.rows * weight.columns);
        require(weight.rows == input.features, "node '{}': the weight is ({}, {}), but the input '{}' is {}", name(),
                weight.rows, weight.columns, name(linear.input), to_string(input));
        require(linear.bias.empty() || linear.bias.size() == weight.columns,
                "node '{}': the bias has {} entries, but the weight is ({}, {})", name(), linear.bias.size(),
                weight.rows, weight.columns);
        return {false, weight.columns};
    }

    Shape operator()(const FeatureMean& mean) const {
        activation(mean.input, "a mean over features");
        return {false, 1};
    }

    Shape operator()(const Add& add) const {
        require(shape(add.left) == shape(add.right), "node '{}': cannot add {} ('{}') and {} ('{}')", name(),
                to_string(shape(add.left)), name(add.left), to_string(shape(add.right)), name(add.right));
        return shape(add.left);
    }

    Shape operator()(const Multiply& product) const {
        const Shape left = shape(product.left);
        const Shape right = shape(product.right);
        const bool broadcasts = !left.scores && !right.scores && (left.features == 1 || right.features == 1);
        require(left == right || broadcasts, "node '{}': cannot multiply {} ('{}') and {} ('{}')", name(),
                to_string(left), name(product.left), to_string(right), name(product.right));
        return left.features == 1 ? right : left;
    }

    Shape operator()(const Apply& apply) const {
        require(!apply.polynomial.coefficients.empty(), "node '{}': the polynomial has no coefficients", name());
        return shape(apply.input);
    }

    Shape operator()(const AttentionScores& scores) const {
        const Shape query = activation(scores.query, "the query");
        const Shape key = activation(scores.key, "the key");
        require(query == key, "node '{}': the query '{}' is {}, the key '{}' is {}; both must be alike", name(),
                name(scores.query), to_string(query), name(scores.key), to_string(key));
        require(scores.heads > 0 && query.features % scores.heads == 0,
                "node '{}': {} features do not divide into {} heads", name(), query.features, scores.heads);
        return {true, scores.heads};
    }

    Shape operator()(const AttentionValues& values) const {
        const Shape scores = shape(values.scores);
        const Shape value = activation(values.value, "the value");
        require(scores == Shape{true, values.heads}, "node '{}': '{}' is {}, but scores of {} heads are needed", name(),
                name(values.scores), to_string(scores), values.heads);
        require(value.features % values.heads == 0, "node '{}': {} features do not divide into {} heads", name(),
                value.features, values.heads);
        const Matrix& mask = values.mask;
        require(mask.rows == values.heads * graph_.context && mask.columns == graph_.context &&
                    mask.values.size() == mask.rows * mask.columns,
                "node '{}': the mask is ({}, {}) with {} values, but {} heads and a context of {} tokens need ({}, {})",
                name(), mask.rows, mask.columns, mask.values.size(), values.heads, graph_.context,
                values.heads * graph_.context, graph_.context);
        return value;
    }

  private:
    const std::string& name() const { return graph_.nodes[id_].name; }
    const std::string& name(NodeId id) const { return graph_.nodes[id].name; }

    Shape shape(NodeId input) const {
        require(input < id_,
                "node {} ('{}') reads node {}, which does not come before it: the graph must be in order of "
                "evaluation, without cycles",
                id_, name(), input);
        return earlier_[input];
    }

    Shape activation(NodeId input, std::string_view role) const {
        const Shape found = shape(input);
        require(!found.scores, "node '{}': {} must be an activation (T, C), but '{}' is {}", name(), role, name(input),
                to_string(found));
        return found;
    }

    const Graph& graph_;
    NodeId id_;
    std::span<const Shape> earlier_;
};

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
    std::visit(Overloaded{[&](const Linear& linear) {
                              check_finite<float>(node, "the weight", linear.weight.values);
                              check_finite<float>(node, "the bias", linear.bias);
                          },
                          [&](const Apply& apply) { check_polynomial(node, apply); },
                          [&](const AttentionScores& scores) {
                              check_finite<double>(node, "the scale", std::span(&scores.scale, 1));
                          },
                          [&](const AttentionValues& values) {
                              check_finite<float>(node, "the mask", values.mask.values);
                              if (values.causal) check_causal(node, values.mask);
                          },
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

std::vector<NodeId> inputs_of(const Operation& operation) {
    return std::visit(Overloaded{[](const Input&) { return std::vector<NodeId>{}; },
                                 [](const Linear& linear) { return std::vector{linear.input}; },
                                 [](const FeatureMean& mean) { return std::vector{mean.input}; },
                                 [](const Add& add) {
                                     return std::vector{add.left, add.right};
                                 },
                                 [](const Multiply& product) {
                                     return std::vector{product.left, product.right};
                                 },
                                 [](const Apply& apply) { return std::vector{apply.input}; },
                                 [](const AttentionScores& scores) {
                                     return std::vector{scores.query, scores.key};
                                 },
                                 [](const AttentionValues& values) {
                                     return std::vector{values.scores, values.value};
                                 }},
                      operation);
}

std::vector<Shape> shapes_of(const Graph& graph) {
    std::vector<Shape> shapes;
    shapes.reserve(graph.nodes.size());
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        const Shape shape = std::visit(ShapeRules(graph, id, shapes), graph.nodes[id].operation);
        require(shape.features >= 1 && shape.features <= kMaxFeatures, "node '{}': {} features are outside 1 to {}",
                graph.nodes[id].name, shape.features, kMaxFeatures);
        shapes.push_back(shape);
    }
    return shapes;
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
    require(shapes.back() == Shape{false, graph.vocabulary}, "the last node '{}' is {}, but the logits must be (T, {})",
            graph.nodes.back().name, to_string(shapes.back()), graph.vocabulary);
}

}  // namespace polyformer::model
