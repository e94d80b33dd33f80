#include "polyformer/compile/analysis/prefixes.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "polyformer/compile/analysis/operation_of.h"

namespace polyformer::compile {

namespace {

using model::Graph;
using model::NodeId;

/// The one node that reads this one, whatever number of times.
std::optional<NodeId> only_reader(const std::vector<NodeFacts>& facts, NodeId id) {
    const std::vector<Use>& uses = facts[id].uses;
    if (facts[id].is_output || uses.empty()) return std::nullopt;
    const auto same = [&](const Use& use) { return use.reader == uses.front().reader; };
    return std::ranges::all_of(uses, same) ? std::optional(uses.front().reader) : std::nullopt;
}

/// A polynomial of scores or of a prefix's, and the weights that it, or its square, is.
struct Weights {
    NodeId polynomial = 0;
    NodeId weights = 0;
};

std::optional<Weights> weights_of(const Graph& graph, const std::vector<NodeFacts>& facts, NodeId shifted) {
    const std::optional<NodeId> apply = only_reader(facts, shifted);
    if (!apply || operation_of<model::Apply>(graph, *apply) == nullptr) return std::nullopt;
    const std::optional<NodeId> square = only_reader(facts, *apply);
    if (!square || operation_of<model::Multiply>(graph, *square) == nullptr || facts[*apply].uses.size() != 2) {
        return Weights{*apply, *apply};
    }
    return Weights{*apply, *square};
}

bool alike(const model::Polynomial& a, const model::Polynomial& b) {
    return a.lower == b.lower && a.upper == b.upper && a.coefficients == b.coefficients;
}

/// Shifted scores of a prefix: of the same query, with the same shift.
struct Prefix {
    NodeId scores = 0;
    NodeId shifted = 0;
};

std::optional<Prefix> prefix_of(const Graph& graph, const std::vector<NodeFacts>& facts,
                                const model::ShiftScores& shift) {
    const auto* scores = operation_of<model::AttentionScores>(graph, shift.scores);
    if (scores == nullptr) return std::nullopt;
    for (const Use& use : facts[scores->query].uses) {
        if (operation_of<model::Linear>(graph, use.reader) == nullptr) continue;
        const std::optional<NodeId> sum = only_reader(facts, use.reader);
        const auto* add = sum ? operation_of<model::Add>(graph, *sum) : nullptr;
        if (add == nullptr || facts[use.reader].uses.size() != 1) continue;
        if ((add->left == use.reader ? add->right : add->left) == shift.shift) return Prefix{use.reader, *sum};
    }
    return std::nullopt;
}

void find_prefix(const Graph& graph, std::vector<NodeFacts>& facts, NodeId shifted, const model::ShiftScores& shift) {
    const std::optional<Prefix> prefix = prefix_of(graph, facts, shift);
    const AttentionLayout& heads = facts[shifted].attention;
    if (!prefix || !heads.paired || facts[shift.scores].uses.size() != 1) return;
    const std::size_t features = facts[prefix->scores].shape.features;
    const std::optional<Weights> own = weights_of(graph, facts, shifted);
    const std::optional<Weights> other = weights_of(graph, facts, prefix->shifted);
    if (!own || !other || (own->polynomial == own->weights) != (other->polynomial == other->weights)) return;
    if (features % heads.heads != 0 || features / heads.heads > heads.lanes ||
        !facts[own->weights].only(Role::attention)) {
        return;
    }
    if (!alike(operation_of<model::Apply>(graph, own->polynomial)->polynomial,
               operation_of<model::Apply>(graph, other->polynomial)->polynomial)) {
        return;
    }
    facts[prefix->shifted].uses.front().role = Role::scores_behind;
    for (const NodeId id : {prefix->scores, prefix->shifted, other->polynomial, other->weights}) {
        facts[id].behind_scores = own->weights;
        facts[id].layout = heads.behind_scores(features / heads.heads);
    }
    for (const auto& [mine, theirs] :
         {std::pair(own->polynomial, other->polynomial), std::pair(own->weights, other->weights)}) {
        facts[mine].prefix = PrefixFacts{prefix->shifted, other->weights, features / heads.heads};
        if (!facts[mine].loose) {
            facts[mine].bound = std::max(graph.nodes[mine].bound, graph.nodes[theirs].bound);
        }
        facts[theirs].bound = facts[mine].bound;
        facts[theirs].loose = facts[mine].loose;
    }
}

}  // namespace

void find_prefixes(const Graph& graph, std::vector<NodeFacts>& facts) {
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        const auto* shift = operation_of<model::ShiftScores>(graph, id);
        if (shift != nullptr) find_prefix(graph, facts, id, *shift);
    }
}

std::vector<NodeId> evaluation_order(const Graph& graph, const std::vector<NodeFacts>& facts) {
    std::vector<NodeId> order;
    std::vector<bool> visited(graph.nodes.size(), false);
    const std::function<void(NodeId)> visit = [&](NodeId id) {
        if (visited[id]) return;
        visited[id] = true;
        for (const NodeId input : model::inputs_of(graph.nodes[id].operation)) visit(input);
        if (facts[id].prefix) visit(facts[id].prefix->shifted);
        // What the weights leave behind is theirs to make.
        if (facts[id].behind_scores && operation_of<model::Linear>(graph, id) == nullptr &&
            operation_of<model::Add>(graph, id) == nullptr) {
            visit(*facts[id].behind_scores);
        }
        order.push_back(id);
    };
    for (NodeId id = 0; id < graph.nodes.size(); ++id) visit(id);
    return order;
}

}  // namespace polyformer::compile
