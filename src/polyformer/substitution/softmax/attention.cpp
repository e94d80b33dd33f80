#include "polyformer/substitution/softmax/attention.h"

#include <optional>

namespace polyformer::substitution {
namespace {

using model::Graph;
using model::NodeId;

template <class T>
const T* as(const Graph& graph, NodeId id) {
    return std::get_if<T>(&graph.nodes[id].operation);
}

std::optional<SoftmaxAttention> attention_at(const Graph& graph, NodeId weights) {
    const auto* apply = as<model::Apply>(graph, weights);
    if (apply == nullptr || apply->replaces != "exp") return std::nullopt;
    NodeId id_of_shifted = apply->input;
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
                           .weights = weights,
                           .heads = scores->heads};
    for (NodeId id = weights + 1; id < graph.nodes.size(); ++id) {
        const auto* values = as<model::AttentionValues>(graph, id);
        if (values != nullptr && values->scores == weights && !values->causal) found.values = id;
        const auto* sums = as<model::AttentionSums>(graph, id);
        if (sums != nullptr && sums->scores == weights && !sums->causal) found.sums = id;
    }
    if (found.values == 0 || found.sums == 0) return std::nullopt;
    return found;
}

}  // namespace

std::vector<SoftmaxAttention> softmax_attentions(const Graph& graph) {
    std::vector<SoftmaxAttention> all;
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        if (const auto found = attention_at(graph, id)) all.push_back(*found);
    }
    return all;
}

}  // namespace polyformer::substitution
