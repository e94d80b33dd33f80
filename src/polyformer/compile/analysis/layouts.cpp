#include "polyformer/compile/analysis/layouts.h"

#include <algorithm>
#include <map>
#include <optional>

#include "polyformer/compile/analysis/node_classes.h"
#include "polyformer/support/error.h"

namespace polyformer::compile {

namespace {

using model::Graph;
using model::Node;
using model::NodeId;

/// The layout in which attention wants a node, if some attention reads it.
std::optional<Layout> wanted_by_attention(const Graph& graph, const std::vector<NodeFacts>& facts, NodeId id,
                                          const Use& use) {
    const auto layout_for = [&](const AttentionLayout& attention, std::size_t blocks) {
        return with_head_width(attention, facts[id].shape.features / blocks);
    };
    if (use.role == Role::query) {
        const AttentionLayout& attention = facts[use.reader].attention;
        return layout_for(attention, attention.heads).query();
    }
    if (use.role == Role::key) {
        const std::size_t blocks =
            model::key_heads_of(std::get<model::AttentionScores>(graph.nodes[use.reader].operation));
        return layout_for(facts[use.reader].attention, blocks).key(blocks);
    }
    if (use.role == Role::value) {
        const auto& values = std::get<model::AttentionValues>(graph.nodes[use.reader].operation);
        const std::size_t blocks = model::value_heads_of(values);
        return layout_for(facts[values.scores].attention, blocks).value(blocks);
    }
    return std::nullopt;
}

/// Values of one shape that elementwise operations tie together.
Classes elementwise_classes(const Graph& graph, const std::vector<NodeFacts>& facts) {
    Classes classes(graph.nodes.size());
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        const Node& node = graph.nodes[id];
        const bool elementwise = std::holds_alternative<model::Add>(node.operation) ||
                                 std::holds_alternative<model::Multiply>(node.operation) ||
                                 std::holds_alternative<model::ScaleFeatures>(node.operation) ||
                                 std::holds_alternative<model::Centre>(node.operation) ||
                                 std::holds_alternative<model::AddConstant>(node.operation) ||
                                 std::holds_alternative<model::MixTokens>(node.operation) ||
                                 std::holds_alternative<model::RotateFeatures>(node.operation) ||
                                 std::holds_alternative<model::Apply>(node.operation);
        if (!elementwise || facts[id].shape.scores || facts[id].behind_scores) continue;
        for (const NodeId input : model::inputs_of(node.operation)) {
            if (facts[input].shape == facts[id].shape && !facts[input].behind_scores) classes.join(id, input);
        }
    }
    return classes;
}

/// One number a head, of an attention.
struct ByHead {
    AttentionLayout attention;
    Layout layout;
};

/// The attention whose sums over keys a class of values holds, or else whose scores it shifts.
std::optional<ByHead> attention_by_head(const Graph& graph, const std::vector<NodeFacts>& facts,
                                        const std::vector<NodeId>& members) {
    for (const NodeId id : members) {
        if (const auto* sums = std::get_if<model::AttentionSums>(&graph.nodes[id].operation)) {
            const AttentionLayout& attention = facts[sums->scores].attention;
            return ByHead{attention, attention.by_head()};
        }
    }
    for (const NodeId id : members) {
        for (const Use& use : facts[id].uses) {
            if (use.role != Role::shift) continue;
            const AttentionLayout& attention = facts[use.reader].attention;
            return ByHead{attention, attention.by_head_in_lower_lanes()};
        }
    }
    return std::nullopt;
}

/// The layout in which attention gives values that are then multiplied by a number for each head.
std::optional<Layout> multiplied_by_head(const Graph& graph, const std::vector<NodeFacts>& facts,
                                         const std::vector<NodeId>& members) {
    std::optional<Layout> layout;
    bool multiplied = false;
    for (const NodeId id : members) {
        if (const auto* values = std::get_if<model::AttentionValues>(&graph.nodes[id].operation)) {
            layout = with_head_width(facts[values->scores].attention, facts[id].shape.features / values->heads).value();
        }
        for (const NodeId input : model::inputs_of(graph.nodes[id].operation)) {
            multiplied = multiplied || (std::holds_alternative<model::Multiply>(graph.nodes[id].operation) &&
                                        facts[input].by_head && facts[input].shape != facts[id].shape);
        }
    }
    return multiplied ? layout : std::nullopt;
}

/// The layout of the one attention which reads these, or else the replicated one. Other maps read it just as well, but
/// what they share with sums, a residual stream, is for them to choose.
Layout layout_for_readers(const Graph& graph, const std::vector<NodeFacts>& facts, const std::vector<NodeId>& members) {
    std::optional<Layout> wanted;
    bool agreed = true;
    const bool made_for_attention = std::ranges::all_of(members, [&](NodeId id) {
        return std::holds_alternative<model::Linear>(graph.nodes[id].operation) ||
               std::holds_alternative<model::RotateFeatures>(graph.nodes[id].operation);
    });
    for (const NodeId id : members) {
        if (id == 0 || facts[id].is_output) agreed = false;
        for (const Use& use : facts[id].uses) {
            const auto layout = wanted_by_attention(graph, facts, id, use);
            if ((use.role == Role::linear && !made_for_attention) || (layout && wanted && *layout != *wanted))
                agreed = false;
            if (layout) wanted = layout;
        }
    }
    const NodeFacts& first = facts[members.front()];
    return agreed && wanted ? *wanted : replicated_layout(first.packing, first.shape.features);
}

}  // namespace

void choose_score_layouts(const Graph& graph, std::vector<NodeFacts>& facts) {
    Classes classes(graph.nodes.size());
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        if (!facts[id].shape.scores || std::holds_alternative<model::AttentionScores>(graph.nodes[id].operation)) {
            continue;
        }
        for (const NodeId input : model::inputs_of(graph.nodes[id].operation)) {
            if (facts[input].shape.scores) classes.join(id, input);
        }
    }
    std::map<NodeId, std::size_t> head_width;
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        const auto widen = [&](NodeId scores, NodeId other, std::size_t heads) {
            std::size_t& width = head_width[classes.find(scores)];
            width = std::max(width, facts[other].shape.features / heads);
        };
        if (const auto* scores = std::get_if<model::AttentionScores>(&graph.nodes[id].operation)) {
            widen(id, scores->query, scores->heads);
        }
        if (const auto* values = std::get_if<model::AttentionValues>(&graph.nodes[id].operation)) {
            widen(values->scores, values->value, model::value_heads_of(*values));
        }
    }
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        const model::Shape& shape = facts[id].shape;
        if (!shape.scores) continue;
        try {
            facts[id].attention = attention_layout(facts[id].packing, shape.features, head_width[classes.find(id)],
                                                   shape.window == shape.tokens ? 0 : shape.window);
        } catch (const Error& error) {
            fail("'{}': {}", graph.nodes[id].name, error.what());
        }
    }
}

void choose_layouts(const Graph& graph, std::vector<NodeFacts>& facts) {
    const auto classes = elementwise_classes(graph, facts).members();
    for (const auto& [first, members] : classes) {
        if (facts[first].shape.scores || facts[first].behind_scores) continue;
        const auto found = attention_by_head(graph, facts, members);
        if (!found) continue;
        for (const NodeId id : members) {
            facts[id].by_head = true;
            facts[id].attention = found->attention;
            facts[id].layout = found->layout;
        }
    }
    for (const auto& [first, members] : classes) {
        if (facts[first].shape.scores || facts[first].by_head || facts[first].behind_scores) continue;
        const auto by_head = multiplied_by_head(graph, facts, members);
        const Layout layout = by_head ? *by_head : layout_for_readers(graph, facts, members);
        for (const NodeId id : members) facts[id].layout = layout;
    }
}

}  // namespace polyformer::compile
