#include "polyformer/substitution/stream/turned_stream.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <variant>

#include "polyformer/compile/analysis/node_classes.h"
#include "polyformer/model/graph/graph_shapes.h"
#include "polyformer/model/graph/visit.h"
#include "polyformer/substitution/stream/rotation.h"
#include "polyformer/support/extremes.h"

namespace polyformer::substitution {
namespace {

using model::Graph;
using model::NodeId;
using model::Overloaded;

/// Reads a graph for what may be turned together.
class StreamFinder {
  public:
    explicit StreamFinder(const Graph& graph)
        : graph_(graph), shapes_(model::shapes_of(graph)), readers_(graph.nodes.size()), classes_(graph.nodes.size()) {
        for (NodeId id = 0; id < graph.nodes.size(); ++id) {
            for (const NodeId input : model::inputs_of(graph.nodes[id].operation)) readers_[input].push_back(id);
            for (const NodeId input : passed_on(id)) classes_.join(id, input);
        }
    }

    std::vector<Stream> find() const {
        std::vector<Stream> streams;
        for (const auto& [first, nodes] : classes_.members()) {
            if (can_turn(nodes)) streams.push_back({nodes, nodes.front() == 0});
        }
        return streams;
    }

  private:
    /// The inputs of which a node is made in such a way that it turns as they do.
    std::vector<NodeId> passed_on(NodeId id) const {
        const auto features = [&](NodeId node) { return shapes_[node].features; };
        if (shapes_[id].scores || features(id) == 1) return {};
        return std::visit(Overloaded{[&](const model::Add& sum) -> std::vector<NodeId> {
                                         if (features(sum.left) != features(sum.right)) return {};
                                         return {sum.left, sum.right};
                                     },
                                     [&](const model::Multiply& product) -> std::vector<NodeId> {
                                         if (features(product.right) == 1) return {product.left};
                                         if (features(product.left) == 1) return {product.right};
                                         return {};
                                     },
                                     [](const model::AddConstant& sum) -> std::vector<NodeId> { return {sum.input}; },
                                     [](const model::TokenMean& mean) -> std::vector<NodeId> { return {mean.input}; },
                                     [](const model::SelectToken& one) -> std::vector<NodeId> { return {one.input}; },
                                     [](const auto&) -> std::vector<NodeId> { return {}; }},
                          graph_.nodes[id].operation);
    }

    bool is_written_by_map(NodeId id) const {
        return std::holds_alternative<model::Input>(graph_.nodes[id].operation) ||
               std::holds_alternative<model::Linear>(graph_.nodes[id].operation);
    }

    /// A square that only goes into means over all features.
    bool is_sum_of_squares(NodeId id) const {
        const auto* product = std::get_if<model::Multiply>(&graph_.nodes[id].operation);
        return product != nullptr && product->left == product->right &&
               std::ranges::all_of(readers_[id], [&](NodeId reader) {
                   return std::holds_alternative<model::FeatureMean>(graph_.nodes[reader].operation);
               });
    }

    bool can_turn(const std::vector<NodeId>& nodes) const {
        bool normalised = false;
        for (const NodeId id : nodes) {
            if (id + 1 == graph_.nodes.size() || shapes_[id].scores) return false;
            if (passed_on(id).empty() && !is_written_by_map(id)) return false;
            for (const NodeId reader : readers_[id]) {
                const bool squares = is_sum_of_squares(reader);
                normalised = normalised || squares;
                const std::vector<NodeId> taken = passed_on(reader);
                const bool turns = std::ranges::find(taken, id) != taken.end();
                if (!squares && !turns && !std::holds_alternative<model::Linear>(graph_.nodes[reader].operation)) {
                    return false;
                }
            }
        }
        return normalised;
    }

    const Graph& graph_;
    std::vector<model::Shape> shapes_;
    std::vector<std::vector<NodeId>> readers_;
    compile::Classes classes_;
};

double largest_of(std::span<const double> values) {
    double largest = 0;
    for (const double value : values) largest = larger(largest, std::abs(value));
    return largest;
}

/// The largest value that was seen at a node, and what it would have been.
struct Reach {
    double before = 0;
    double after = 0;
};

/// By what the largest values would fall, in the geometric mean over a stream's nodes.
double gain_of(const std::map<NodeId, Reach>& reaches, const Stream& stream) {
    double sum = 0;
    for (const NodeId id : stream.nodes) {
        const Reach& reach = reaches.at(id);
        if (reach.before > 0 && reach.after > 0) sum += std::log(reach.before / reach.after);
    }
    return std::exp(sum / static_cast<double>(stream.nodes.size()));
}

}  // namespace

std::vector<Stream> streams_of(const Graph& graph) {
    return StreamFinder(graph).find();
}

void turn(Graph& graph, const Stream& stream) {
    const std::set<NodeId> turned(stream.nodes.begin(), stream.nodes.end());
    const Rotation rotation(model::shapes_of(graph)[stream.nodes.front()].features);
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        if (auto* map = std::get_if<model::Linear>(&graph.nodes[id].operation)) {
            if (turned.contains(map->input)) rotation.turn_columns(map->weight);
            if (!turned.contains(id)) continue;
            rotation.turn_rows(map->weight);
            if (!map->bias.empty()) rotation.turn(std::span(map->bias));
        }
        auto* constant = std::get_if<model::AddConstant>(&graph.nodes[id].operation);
        if (constant != nullptr && turned.contains(id)) rotation.turn_rows(constant->values);
    }
}

void turn(model::Embedding& embedding) {
    const Rotation rotation(embedding.tokens.columns);
    rotation.turn_rows(embedding.tokens);
    if (!embedding.positions.values.empty()) rotation.turn_rows(embedding.positions);
}

TurnedStreams turn_streams(Graph& graph, const Texts& texts, bool input_turns) {
    std::vector<Stream> streams = streams_of(graph);
    std::erase_if(streams, [&](const Stream& stream) { return stream.input && !input_turns; });
    TurnedStreams done;
    if (streams.empty()) return done;
    const std::vector<model::Shape> shapes = model::shapes_of(graph);
    std::map<NodeId, Reach> reaches;
    std::map<std::size_t, Rotation> rotations;
    for (const Stream& stream : streams) {
        for (const NodeId id : stream.nodes) reaches[id] = {};
        const std::size_t features = shapes[stream.nodes.front()].features;
        rotations.try_emplace(features, features);
    }
    const model::Observer observer = [&](NodeId id, std::span<const model::Tensor> values) {
        const auto found = reaches.find(id);
        if (found == reaches.end()) return;
        for (const model::Tensor& tensor : values) {
            found->second.before = larger(found->second.before, largest_of(tensor.values));
            std::vector<double> turned = tensor.values;
            const Rotation& rotation = rotations.at(tensor.columns);
            for (std::size_t row = 0; row < tensor.rows; ++row) {
                rotation.turn(std::span(turned).subspan(row * tensor.columns, tensor.columns));
            }
            found->second.after = larger(found->second.after, largest_of(turned));
        }
    };
    observe_texts(graph, texts, model::Functions::exact, observer, model::Sums::in_single, false);
    for (const Stream& stream : streams) {
        const double gain = gain_of(reaches, stream);
        if (!(gain >= kWorthTurning)) continue;
        turn(graph, stream);
        done.gain = std::max(done.gain, gain);
        done.turned = true;
        done.input = done.input || stream.input;
    }
    return done;
}

}  // namespace polyformer::substitution
