#include "tests/substitution/encoder.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>
#include <utility>

#include "polyformer/model/graph/graph_edit.h"
#include "polyformer/substitution/softmax/attention.h"

namespace polyformer::substitution {
namespace {

using namespace model;

constexpr std::size_t kVocabulary = 12;
constexpr std::size_t kTokenFeatures = 2;

class Maker {
  public:
    explicit Maker(Graph& graph) : graph_(graph) {}

    NodeId add(std::string name, Operation operation) {
        graph_.nodes.push_back({std::move(name), std::move(operation), 1});
        return graph_.nodes.size() - 1;
    }

    NodeId linear(std::string name, NodeId input, std::size_t inputs, std::size_t outputs, double size) {
        std::normal_distribution<float> normal(0, static_cast<float>(size / std::sqrt(static_cast<double>(inputs))));
        Linear map{input, {inputs, outputs, std::vector<float>(inputs * outputs)}, std::vector<float>(outputs)};
        for (float& weight : map.weight.values) weight = normal(random_);
        for (float& bias : map.bias) bias = normal(random_);
        return add(std::move(name), std::move(map));
    }

    NodeId function(std::string name, NodeId input, const char* replaces) {
        return add(std::move(name), Apply{input, {-1, 1, {0}}, replaces});
    }

    NodeId norm(const std::string& name, NodeId residual) {
        const NodeId square = add(name + ".square", Multiply{residual, residual});
        const NodeId variance = add(name + ".variance", FeatureMean{square});
        const NodeId shifted = add(name + ".shifted_variance", ScaleFeatures{variance, {1}, {1e-6F}});
        return add(name + ".output", Multiply{residual, function(name + ".inverse_sqrt", shifted, "inverse_sqrt")});
    }

  private:
    Graph& graph_;
    std::mt19937 random_{7};
};

/// Queries of head 0 are the position, its keys the position after: their product is greatest at the token before.
void attend_to_previous(Graph& graph) {
    auto& query = std::get<Linear>(graph.nodes[node_named(graph, "query")].operation);
    auto& key = std::get<Linear>(graph.nodes[node_named(graph, "key")].operation);
    for (std::size_t column = 0; column < kWidth / kHeads; ++column) {
        for (std::size_t row = 0; row < kWidth; ++row) {
            query.weight.values[row * kWidth + column] = key.weight.values[row * kWidth + column] = 0;
        }
        query.bias[column] = key.bias[column] = 0;
    }
    // Features 2 to 5 are cos and sin of the position's angle and of the one before.
    for (std::size_t column = 0; column < 2; ++column) {
        query.weight.values[(4 + column) * kWidth + column] = 10;
        key.weight.values[(2 + column) * kWidth + column] = 10;
    }
}

}  // namespace

Graph small_encoder(bool previous_token) {
    Graph graph{.context = kContext, .width = kWidth, .vocabulary = kWidth, .nodes = {}};
    Maker make(graph);
    const NodeId input = make.add("input", Input{});
    const NodeId query = make.linear("query", input, kWidth, kWidth, 1.5);
    const NodeId key = make.linear("key", input, kWidth, kWidth, 1.5);
    const NodeId value = make.linear("value", input, kWidth, kWidth, 1);
    const NodeId scores = make.add("scores", AttentionScores{query, key, kHeads, 0.5});
    const NodeId shift = make.add(
        "shift", Linear{input, {kWidth, kHeads, std::vector<float>(kWidth * kHeads)}, std::vector<float>(kHeads)});
    const NodeId shifted = make.add("shifted", ShiftScores{scores, shift});
    const NodeId weights = make.function("weights", shifted, "exp");
    const NodeId values = make.add("values", AttentionValues{weights, value, kHeads, false, {}});
    const NodeId sums = make.add("sums", AttentionSums{weights, kHeads, false, {}});
    const NodeId mixed = make.add("mixed", Multiply{values, make.function("inverse", sums, "reciprocal")});
    const NodeId output = make.linear("output", mixed, kWidth, kWidth, 1);
    const NodeId residual = make.add("residual", Centre{make.add("sum", Add{input, output})});
    const NodeId normal = make.norm("norm", residual);
    const NodeId hidden = make.function("activation", make.linear("up", normal, kWidth, 2 * kWidth, 1), "gelu");
    const NodeId down = make.linear("down", hidden, 2 * kWidth, kWidth, 1);
    make.add("pooling", TokenMean{make.add("stream", Add{normal, down})});
    if (previous_token) attend_to_previous(graph);
    return graph;
}

Graph encoder_with_roots(bool previous_token) {
    Graph graph = small_encoder(previous_token);
    square_exponentials(graph);
    return graph;
}

Graph small_decoder(bool grouped) {
    Graph graph = small_encoder();
    graph.nodes.pop_back();  // the mean over tokens
    const NodeId query = node_named(graph, "query");
    const NodeId key = node_named(graph, "key");
    Matrix angles{kContext, 2, {}};
    for (std::size_t t = 0; t < kContext; ++t) {
        angles.values.push_back(static_cast<float>(t));
        angles.values.push_back(0.1F * static_cast<float>(t));
    }
    const NodeId place = node_named(graph, "scores");
    insert_nodes(graph, place,
                 {{"query_rotated", RotateFeatures{query, kHeads, angles}},
                  {"key_rotated", RotateFeatures{key, grouped ? 1 : kHeads, angles}}});
    auto& scores = std::get<AttentionScores>(graph.nodes[place + 2].operation);
    scores.query = place;
    scores.key = place + 1;
    auto& values = std::get<AttentionValues>(graph.nodes[node_named(graph, "values")].operation);
    values.causal = true;
    std::get<AttentionSums>(graph.nodes[node_named(graph, "sums")].operation).causal = true;
    if (grouped) {
        scores.key_heads = values.value_heads = 1;
        for (const char* name : {"key", "value"}) {
            auto& map = std::get<Linear>(graph.nodes[node_named(graph, name)].operation);
            map.weight = {kWidth, kWidth / kHeads, {map.weight.values.begin(), map.weight.values.begin() + 32}};
            map.bias.resize(kWidth / kHeads);
        }
    }
    validate(graph);
    return graph;
}

Tensor embed(std::span<const std::int32_t> ids) {
    Tensor tensor{ids.size(), kWidth, std::vector<double>(ids.size() * kWidth)};
    for (std::size_t t = 0; t < ids.size(); ++t) {
        std::mt19937 token(static_cast<unsigned>(ids[t]));
        std::normal_distribution<double> normal(0, 0.7);
        for (std::size_t j = 0; j < kTokenFeatures; ++j) tensor.at(t, j) = normal(token);
        for (std::size_t j = 6; j < kWidth; ++j) tensor.at(t, j) = normal(token);
        const double angle = static_cast<double>(t);
        const double before = t == 0 ? 0.0 : angle - 1;
        tensor.at(t, 2) = std::cos(angle);
        tensor.at(t, 3) = std::sin(angle);
        tensor.at(t, 4) = std::cos(before);
        tensor.at(t, 5) = std::sin(before);
    }
    return tensor;
}

Texts random_texts(std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    Texts texts{{}, embed};
    for (std::size_t i = 0; i < count; ++i) {
        std::vector<std::int32_t> ids(1 + random() % kContext);
        for (std::int32_t& id : ids) id = static_cast<std::int32_t>(random() % kVocabulary);
        texts.tokens.push_back(std::move(ids));
    }
    return texts;
}

NodeId node_named(const Graph& graph, const char* name) {
    const auto found = std::ranges::find(graph.nodes, name, &Node::name);
    if (found == graph.nodes.end()) throw std::runtime_error("no such node");
    return static_cast<NodeId>(found - graph.nodes.begin());
}

}  // namespace polyformer::substitution
