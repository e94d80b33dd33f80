#include "polyformer/substitution/measurement/token_bounds.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace polyformer::substitution {

namespace {

using model::Graph;
using model::NodeId;

template <class... Operations>
bool is_any_of(const model::Operation& operation) {
    return (std::holds_alternative<Operations>(operation) || ...);
}

/// For each node whether a token's row depends on nothing but which token it is.
std::vector<bool> by_token_alone(const Graph& graph) {
    std::vector<bool> alone;
    for (const model::Node& node : graph.nodes) {
        const std::vector<NodeId> inputs = model::inputs_of(node.operation);
        const bool row_by_row = is_any_of<model::Input, model::Apply, model::Multiply, model::Add, model::Linear,
                                          model::FeatureMean, model::ScaleFeatures, model::Centre>(node.operation);
        alone.push_back(row_by_row && std::ranges::all_of(inputs, [&](NodeId id) { return alone[id]; }));
    }
    return alone;
}

}  // namespace

void bound_by_tokens(const Graph& graph, const Texts& vocabulary, GraphStatistics& seen) {
    if (vocabulary.count() == 0) return;
    const std::vector<bool> alone = by_token_alone(graph);
    std::vector<std::pair<NodeId, SiteStatistics*>> bounded;  // what a site reads, and the site
    for (SiteStatistics& site : seen.sites) {
        const NodeId input = std::get<model::Apply>(graph.nodes[site.node].operation).input;
        if (alone[input]) bounded.emplace_back(input, &site);
    }
    if (bounded.empty()) return;
    Graph beginning = graph;
    beginning.nodes.resize(std::ranges::max(bounded, {}, [](const auto& one) { return one.first; }).first + 1);
    std::vector<std::optional<TextRange>> ranges(bounded.size());
    const auto observer = [&](NodeId node, std::span<const model::Tensor> values) {
        for (std::size_t i = 0; i < bounded.size(); ++i) {
            if (bounded[i].first != node) continue;
            for (const model::Tensor& text : values) {
                const auto [least, greatest] = std::ranges::minmax(text.values);
                const Coordinate coordinate = bounded[i].second->coordinate;
                const TextRange range{to_coordinate(coordinate, least), to_coordinate(coordinate, greatest)};
                ranges[i] = {std::min(range.smallest, ranges[i].value_or(range).smallest),
                             std::max(range.largest, ranges[i].value_or(range).largest)};
            }
        }
    };
    observe_texts(beginning, vocabulary, model::Functions::exact, observer, model::Sums::in_double);
    for (std::size_t i = 0; i < bounded.size(); ++i) {
        if (ranges[i]) bounded[i].second->possible = *ranges[i];
    }
}

}  // namespace polyformer::substitution
