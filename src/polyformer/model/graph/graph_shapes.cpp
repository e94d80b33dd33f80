#include "polyformer/model/graph/graph_shapes.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "polyformer/model/graph/limits.h"
#include "polyformer/model/graph/visit.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

namespace {

/// The window of an attention over T tokens; 0 means all of them.
std::size_t window_of(std::size_t window, std::size_t tokens) {
    return window == 0 ? tokens : window;
}

bool is_empty(const Matrix& matrix) {
    return matrix.rows == 0 && matrix.columns == 0 && matrix.values.empty();
}

/// Works out one node's shape from those of the nodes before it, and throws where they do not fit: after that, no
/// operation reads or writes out of bounds.
class ShapeRules {
  public:
    ShapeRules(const Graph& graph, NodeId id, std::span<const Shape> earlier)
        : graph_(graph), id_(id), earlier_(earlier) {}

    Shape operator()(const Input&) const { return {.features = graph_.width, .tokens = graph_.context}; }

    Shape operator()(const Linear& linear) const {
        const Shape input = activation(linear.input, "a linear map");
        const Matrix& weight = linear.weight;
        require(weight.values.size() == weight.rows * weight.columns,
                "node '{}': the weight holds {} values, but its shape ({}, {}) needs {}", name(), weight.values.size(),
                weight.rows, weight.columns, weight.rows * weight.columns);
        require(weight.rows == input.features, "node '{}': the weight is ({}, {}), but the input '{}' is {}", name(),
                weight.rows, weight.columns, name(linear.input), to_string(input));
        check_bias(linear.bias, weight.columns);
        return {.features = weight.columns, .tokens = input.tokens};
    }

    Shape operator()(const FeatureMean& mean) const {
        return {.features = 1, .tokens = activation(mean.input, "a mean over features").tokens};
    }

    Shape operator()(const Add& add) const {
        const Shape left = shape(add.left);
        const Shape right = shape(add.right);
        require(left == right || broadcast(left, right),
                "node '{}': cannot add {} ('{}') and {} ('{}'): both must be alike, or one have a divisor of the "
                "other's features",
                name(), to_string(left), name(add.left), to_string(right), name(add.right));
        return left.features < right.features ? right : left;
    }

    Shape operator()(const Multiply& product) const {
        const Shape left = shape(product.left);
        const Shape right = shape(product.right);
        require(left == right || broadcast(left, right),
                "node '{}': cannot multiply {} ('{}') and {} ('{}'): both must be alike, or one have a divisor of the "
                "other's features",
                name(), to_string(left), name(product.left), to_string(right), name(product.right));
        return left.features < right.features ? right : left;
    }

    Shape operator()(const Apply& apply) const {
        require(!apply.polynomial.coefficients.empty(), "node '{}': the polynomial has no coefficients", name());
        return shape(apply.input);
    }

    Shape operator()(const ScaleFeatures& scale) const {
        const Shape input = activation(scale.input, "what is scaled");
        require(scale.factors.size() == input.features, "node '{}': there are {} factors, but {} features", name(),
                scale.factors.size(), input.features);
        check_bias(scale.bias, input.features);
        return input;
    }

    Shape operator()(const Centre& centre) const { return activation(centre.input, "what is centred"); }

    Shape operator()(const AddConstant& sum) const {
        const Shape input = activation(sum.input, "what a constant is added to");
        check_matrix(sum.values, input.tokens, input.features, "constant", input);
        return input;
    }

    Shape operator()(const RotateFeatures& turn) const {
        const Shape input = activation(turn.input, "what is turned");
        require(turn.heads > 0 && input.features % turn.heads == 0 && input.features / turn.heads % 2 == 0,
                "node '{}': {} features do not divide into {} heads of pairs", name(), input.features, turn.heads);
        check_matrix(turn.angles, input.tokens, input.features / turn.heads / 2, "angles", input);
        return input;
    }

    Shape operator()(const MixTokens& mix) const {
        const Shape input = activation(mix.input, "what tokens are mixed of");
        require(!mix.sources.empty() && mix.sources.size() <= kMaxTaps, "node '{}': {} taps are outside 1 to {}",
                name(), mix.sources.size(), kMaxTaps);
        check_matrix(mix.weights, mix.sources.size(), input.features, "weight", input);
        check_bias(mix.bias, input.features);
        for (std::size_t tap = 0; tap < mix.sources.size(); ++tap) check_sources(mix, tap, input.tokens);
        return input;
    }

    Shape operator()(const MergeTokens& merge) const {
        const Shape input = activation(merge.input, "what tokens are merged of");
        require(merge.group > 0 && input.tokens % merge.group == 0,
                "node '{}': {} tokens do not divide into groups of {}", name(), input.tokens, merge.group);
        return {.features = input.features * merge.group, .tokens = input.tokens / merge.group};
    }

    Shape operator()(const TokenMean& mean) const {
        return {.features = activation(mean.input, "a mean over tokens").features, .tokens = 1};
    }

    Shape operator()(const SelectToken& select) const {
        const Shape input = activation(select.input, "what a token is selected of");
        require(select.token < input.tokens, "node '{}': there is no token {}, only 0 to {}", name(), select.token,
                input.tokens - 1);
        return {.features = input.features, .tokens = 1};
    }

    Shape operator()(const AttentionScores& scores) const {
        const Shape query = activation(scores.query, "the query");
        const Shape key = activation(scores.key, "the key");
        require(scores.heads > 0 && query.features % scores.heads == 0,
                "node '{}': {} features do not divide into {} heads", name(), query.features, scores.heads);
        const std::size_t groups = check_groups(scores.heads, key_heads_of(scores), "keys");
        require(query.tokens == key.tokens && query.features == key.features * groups,
                "node '{}': the query '{}' is {}, the key '{}' is {}; both must be alike{}", name(), name(scores.query),
                to_string(query), name(scores.key), to_string(key),
                groups == 1 ? "" : fmt::format(", with {} heads to each of the key's {}", groups, scores.key_heads));
        const std::size_t window = window_of(scores.window, query.tokens);
        require(query.tokens % window == 0, "node '{}': {} tokens do not divide into windows of {}", name(),
                query.tokens, window);
        const Shape result{.scores = true, .features = scores.heads, .tokens = query.tokens, .window = window};
        if (!is_empty(scores.bias)) check_matrix(scores.bias, scores.heads * window, window, "bias", result);
        return result;
    }

    Shape operator()(const ShiftScores& shift) const {
        const Shape scores = shape(shift.scores);
        const Shape by = activation(shift.shift, "the shift");
        require(scores.scores && by.tokens == scores.tokens && by.features == scores.features,
                "node '{}': '{}' is {} and '{}' is {}, but a shift needs scores and a number for each token and head",
                name(), name(shift.scores), to_string(scores), name(shift.shift), to_string(by));
        return scores;
    }

    Shape operator()(const AttentionSums& sums) const {
        const Shape scores = shape(sums.scores);
        require(scores.scores && scores.features == sums.heads,
                "node '{}': '{}' is {}, but scores of {} heads are needed", name(), name(sums.scores),
                to_string(scores), sums.heads);
        check_keys(sums.scores, scores, sums.mask, sums.causal);
        return {.features = scores.features, .tokens = scores.tokens};
    }

    Shape operator()(const AttentionValues& values) const {
        const Shape scores = shape(values.scores);
        const Shape value = activation(values.value, "the value");
        require(scores.scores && scores.features == values.heads && scores.tokens == value.tokens,
                "node '{}': '{}' is {}, but scores of {} heads over {} tokens are needed", name(), name(values.scores),
                to_string(scores), values.heads, value.tokens);
        const std::size_t groups = check_groups(values.heads, value_heads_of(values), "values");
        require(value.features % value_heads_of(values) == 0, "node '{}': {} features do not divide into {} heads",
                name(), value.features, value_heads_of(values));
        check_keys(values.scores, scores, values.mask, values.causal);
        return {.features = value.features * groups, .tokens = value.tokens};
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

    /// Whether the features of one go with several of the other.
    static bool broadcast(const Shape& left, const Shape& right) {
        return !left.scores && !right.scores && left.tokens == right.tokens &&
               (left.features % right.features == 0 || right.features % left.features == 0);
    }

    /// How many heads share each block of keys or values.
    std::size_t check_groups(std::size_t heads, std::size_t blocks, std::string_view what) const {
        require(blocks > 0 && heads % blocks == 0, "node '{}': {} heads do not divide into groups for {} heads of {}",
                name(), heads, blocks, what);
        return heads / blocks;
    }

    /// What attention says of the keys that a query sees.
    void check_keys(NodeId input, const Shape& scores, const Matrix& mask, bool causal) const {
        require(!causal || scores.window == scores.tokens,
                "node '{}': '{}' is {}, but a causal attention needs one window of all {} tokens", name(), name(input),
                to_string(scores), scores.tokens);
        if (!is_empty(mask)) check_matrix(mask, scores.features * scores.tokens, scores.window, "mask", scores);
    }

    void check_matrix(const Matrix& matrix, std::size_t rows, std::size_t columns, std::string_view what,
                      const Shape& goes_with) const {
        require(matrix.rows == rows && matrix.columns == columns && matrix.values.size() == rows * columns,
                "node '{}': the {} is ({}, {}) with {} values, but ({}, {}) is needed for {}", name(), what,
                matrix.rows, matrix.columns, matrix.values.size(), rows, columns, to_string(goes_with));
    }

    void check_bias(const std::vector<float>& bias, std::size_t features) const {
        require(bias.empty() || bias.size() == features, "node '{}': the bias has {} entries, but {} are needed",
                name(), bias.size(), features);
    }

    void check_sources(const MixTokens& mix, std::size_t tap, std::size_t tokens) const {
        const std::vector<std::int32_t>& sources = mix.sources[tap];
        require(sources.size() == tokens, "node '{}': tap {} has {} sources, but there are {} tokens", name(), tap,
                sources.size(), tokens);
        for (std::size_t t = 0; t < tokens; ++t) {
            const bool is_token = sources[t] >= 0 && static_cast<std::size_t>(sources[t]) < tokens;
            require(is_token || sources[t] == MixTokens::kNothing,
                    "node '{}': tap {} takes token {} from {}, but there are tokens 0 to {}, or {} for none", name(),
                    tap, t, sources[t], tokens - 1, MixTokens::kNothing);
        }
    }

    const Graph& graph_;
    NodeId id_;
    std::span<const Shape> earlier_;
};

}  // namespace

std::string to_string(const Shape& shape) {
    if (!shape.scores) return fmt::format("({}, {})", shape.tokens, shape.features);
    return fmt::format("scores of {} heads over {} tokens in windows of {}", shape.features, shape.tokens,
                       shape.window);
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

bool takes_shorter_inputs(const Graph& graph) {
    return std::ranges::all_of(graph.nodes, [&](const Node& node) {
        return std::visit(Overloaded{[](const AddConstant&) { return false; }, [](const MixTokens&) { return false; },
                                     [](const MergeTokens&) { return false; },
                                     [](const SelectToken& select) { return select.token == 0; },
                                     [&](const AttentionScores& scores) {
                                         return is_empty(scores.bias) &&
                                                window_of(scores.window, graph.context) == graph.context;
                                     },
                                     [](const auto&) { return true; }},
                          node.operation);
    });
}

}  // namespace polyformer::model
