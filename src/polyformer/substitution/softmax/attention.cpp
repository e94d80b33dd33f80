#include "polyformer/substitution/softmax/attention.h"

#include <optional>
#include <string>
#include <string_view>

#include "polyformer/model/graph/graph_edit.h"

namespace polyformer::substitution {
namespace {

using model::Graph;
using model::NodeId;

constexpr std::string_view kWeights = "weights";

template <class T>
const T* as(const Graph& graph, NodeId id) {
    return std::get_if<T>(&graph.nodes[id].operation);
}

/// The sum of `term` and another node, if there is one.
std::optional<NodeId> sum_with(const Graph& graph, NodeId term, NodeId& other) {
    for (NodeId id = term + 1; id < graph.nodes.size(); ++id) {
        const auto* sum = as<model::Add>(graph, id);
        if (sum == nullptr || (sum->left != term && sum->right != term)) continue;
        other = sum->left == term ? sum->right : sum->left;
        return id;
    }
    return std::nullopt;
}

void find_prefix(const Graph& graph, SoftmaxAttention& found) {
    found.all_sums = found.sums;
    NodeId scores = 0;
    if (!sum_with(graph, found.shift, scores)) return;
    NodeId sums = 0;
    const auto total = sum_with(graph, found.sums, sums);
    if (!total) return;
    found.prefix_scores = scores;
    found.all_sums = *total;
}

std::optional<SoftmaxAttention> attention_at(const Graph& graph, NodeId weights) {
    const auto* square = as<model::Multiply>(graph, weights);
    if (square == nullptr || square->left != square->right) return std::nullopt;
    const auto* root = as<model::Apply>(graph, square->left);
    if (root == nullptr || root->replaces != "exp_half") return std::nullopt;
    NodeId id_of_shifted = root->input;
    const auto* shifted = as<model::ShiftScores>(graph, id_of_shifted);
    if (shifted == nullptr) return std::nullopt;
    if (const auto* first = as<model::ShiftScores>(graph, shifted->scores)) {  // there is a second shift
        id_of_shifted = shifted->scores;
        shifted = first;
    }
    const auto* scores = as<model::AttentionScores>(graph, shifted->scores);
    const auto* shift = as<model::Linear>(graph, shifted->shift);
    if (scores == nullptr || shift == nullptr || scores->window != 0) return std::nullopt;
    SoftmaxAttention found{.scores = shifted->scores,
                           .shift = shifted->shift,
                           .shifted = id_of_shifted,
                           .root = square->left,
                           .weights = weights,
                           .heads = scores->heads};
    for (NodeId id = weights + 1; id < graph.nodes.size(); ++id) {
        const auto* values = as<model::AttentionValues>(graph, id);
        if (values != nullptr && values->scores == weights) found.values = id;
        const auto* sums = as<model::AttentionSums>(graph, id);
        if (sums != nullptr && sums->scores == weights) found.sums = id;
    }
    if (found.values == 0 || found.sums == 0) return std::nullopt;
    found.causal = as<model::AttentionSums>(graph, found.sums)->causal;
    if (as<model::AttentionValues>(graph, found.values)->causal != found.causal) return std::nullopt;
    find_prefix(graph, found);
    return found;
}

}  // namespace

void square_exponentials(Graph& graph) {
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        const auto* exponential = as<model::Apply>(graph, id);
        if (exponential == nullptr || exponential->replaces != "exp") continue;
        const std::string& name = graph.nodes[id].name;
        const std::size_t stem = name.size() - (name.ends_with(kWeights) ? kWeights.size() : 0);
        const std::string root = name.substr(0, stem) + (stem < name.size() ? "root" : ".root");
        model::insert_nodes(graph, id, {{root, model::Apply{exponential->input, {-1, 1, {0}}, "exp_half"}}});
        graph.nodes[id + 1].operation = model::Multiply{id, id};
    }
}

std::vector<SoftmaxAttention> softmax_attentions(const Graph& graph) {
    std::vector<SoftmaxAttention> all;
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        if (const auto found = attention_at(graph, id)) all.push_back(*found);
    }
    return all;
}

bool has_second_shift(const Graph& graph, const SoftmaxAttention& attention) {
    return std::get<model::Apply>(graph.nodes[attention.root].operation).input != attention.shifted;
}

}  // namespace polyformer::substitution
