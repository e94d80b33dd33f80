#include "polyformer/compile/analysis/weight_bounds.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "polyformer/compile/analysis/operation_of.h"

namespace polyformer::compile {

namespace {

using model::Graph;
using model::NodeId;

/// Weights that nothing but attention reads.
bool are_weights(const Graph& graph, const std::vector<NodeFacts>& facts, NodeId id) {
    if (!facts[id].shape.scores || facts[id].is_output || !facts[id].only(Role::attention)) return false;
    if (operation_of<model::Apply>(graph, id) != nullptr) return true;
    const auto* square = operation_of<model::Multiply>(graph, id);
    return square != nullptr && is_squared_for_attention(graph, facts, square->left);
}

/// What is summed up of weights, by themselves or with values, and what is added to that.
struct Summed {
    std::vector<NodeId> nodes;
    std::optional<double> middle;  ///< of the interval of their inverse, if one is taken
};

/// Of a node that reads `weights`; nothing where more is done with it than products and inverses.
std::optional<Summed> summed_of(const Graph& graph, const std::vector<NodeFacts>& facts, NodeId weights,
                                std::vector<NodeId> nodes) {
    Summed summed{std::move(nodes), std::nullopt};
    const auto holds = [&](NodeId id) { return std::ranges::find(summed.nodes, id) != summed.nodes.end(); };
    for (const NodeId id : summed.nodes) {
        const auto* sums = operation_of<model::AttentionSums>(graph, id);
        const auto* values = operation_of<model::AttentionValues>(graph, id);
        if ((sums != nullptr && sums->scores != weights) || (values != nullptr && values->scores != weights)) return {};
        const bool added =
            operation_of<model::Linear>(graph, id) != nullptr || operation_of<model::Add>(graph, id) != nullptr;
        if ((sums == nullptr && values == nullptr && !added) || facts[id].is_output) return {};
        for (const Use& use : facts[id].uses) {
            if (holds(use.reader) || operation_of<model::Multiply>(graph, use.reader) != nullptr) continue;
            const auto* apply = operation_of<model::Apply>(graph, use.reader);
            if (apply == nullptr || !(apply->polynomial.lower > 0)) return {};
            const double middle = std::sqrt(apply->polynomial.lower * apply->polynomial.upper);
            summed.middle = std::min(middle, summed.middle.value_or(middle));
        }
    }
    return summed;
}

}  // namespace

bool is_squared_for_attention(const Graph& graph, const std::vector<NodeFacts>& facts, NodeId id) {
    const NodeFacts& half = facts[id];
    if (!half.shape.scores || operation_of<model::Apply>(graph, id) == nullptr) return false;
    if (half.is_output || half.uses.size() != 2 || half.uses[0].reader != half.uses[1].reader) return false;
    const NodeId reader = half.uses[0].reader;
    return operation_of<model::Multiply>(graph, reader) != nullptr && facts[reader].only(Role::attention);
}

void loosen_weights(const Graph& graph, const Classes& sums, std::vector<NodeFacts>& facts) {
    const std::map<NodeId, std::vector<NodeId>> members = sums.members();
    for (NodeId weights = 0; weights < graph.nodes.size(); ++weights) {
        if (!are_weights(graph, facts, weights)) continue;
        std::vector<NodeId> group{weights};
        std::optional<double> middle;
        double bound = 0;  // of the sums whose inverse is taken
        bool only_normalised = true;
        for (const Use& use : facts[weights].uses) {
            const std::optional<Summed> summed = summed_of(graph, facts, weights, members.at(sums.find(use.reader)));
            only_normalised = only_normalised && summed.has_value();
            if (!summed) break;
            for (const NodeId id : summed->nodes) {
                if (std::ranges::find(group, id) == group.end()) group.push_back(id);
            }
            if (!summed->middle) continue;
            middle = std::min(*summed->middle, middle.value_or(*summed->middle));
            bound = std::max(bound, facts[use.reader].bound);
        }
        if (!only_normalised || !middle || *middle >= bound) continue;
        for (const NodeId id : group) {
            facts[id].bound *= *middle / bound;
            facts[id].loose = true;
        }
    }
}

}  // namespace polyformer::compile
