#include "polyformer/compile/lowering/analysis.h"

#include <algorithm>
#include <bit>
#include <map>
#include <numeric>
#include <optional>

#include "polyformer/model/graph/visit.h"
#include "polyformer/support/error.h"

namespace polyformer::compile {

namespace {

using model::Graph;
using model::Node;
using model::NodeId;
using model::Overloaded;

/// Disjoint sets of nodes; the least node of a set stands for it.
class Classes {
  public:
    explicit Classes(std::size_t count) : parent_(count) { std::iota(parent_.begin(), parent_.end(), NodeId{0}); }

    NodeId find(NodeId id) const {
        while (parent_[id] != id) id = parent_[id];
        return id;
    }

    void join(NodeId a, NodeId b) {
        const auto [low, high] = std::minmax({find(a), find(b)});
        parent_[high] = low;
    }

    std::map<NodeId, std::vector<NodeId>> members() const {
        std::map<NodeId, std::vector<NodeId>> result;
        for (NodeId id = 0; id < parent_.size(); ++id) result[find(id)].push_back(id);
        return result;
    }

  private:
    std::vector<NodeId> parent_;
};

/// Merging tokens makes another packing of the same slots; everything else stays in its operands'.
void choose_packings(const Graph& graph, const Packing& packing, std::vector<NodeFacts>& facts) {
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        const Node& node = graph.nodes[id];
        const std::vector<NodeId> inputs = model::inputs_of(node.operation);
        facts[id].packing = inputs.empty() ? packing : facts[inputs.front()].packing;
        if (inputs.empty()) continue;
        facts[id].equal_rows = facts[inputs.front()].equal_rows;
        for (const NodeId input : inputs) {
            require(facts[input].packing == facts[id].packing && facts[input].equal_rows == facts[id].equal_rows,
                    "'{}' reads '{}' and '{}', which have one token each, but come to it in different ways: take the "
                    "mean over tokens or merge them for both",
                    node.name, graph.nodes[inputs.front()].name, graph.nodes[input].name);
        }
        if (std::holds_alternative<model::TokenMean>(node.operation) ||
            std::holds_alternative<model::SelectToken>(node.operation)) {
            facts[id].equal_rows = facts[id].packing.tokens > 1;
        }
        if (const auto* merge = std::get_if<model::MergeTokens>(&node.operation)) {
            require(std::has_single_bit(merge->group),
                    "'{}' merges tokens by {}: slots are divided by powers of two, so merge by 2, 4, 8, ...", node.name,
                    merge->group);
            require(!facts[id].equal_rows || merge->group == 1, "'{}' merges tokens of '{}', which has only one",
                    node.name, graph.nodes[merge->input].name);
            facts[id].packing = merged(facts[id].packing, merge->group);
        }
    }
}

/// Whether nothing but linear maps reads a node.
std::vector<bool> read_by_maps_alone(const Graph& graph) {
    std::vector<bool> result(graph.nodes.size(), true);
    for (const Node& node : graph.nodes) {
        if (std::holds_alternative<model::Linear>(node.operation)) continue;
        for (const NodeId input : model::inputs_of(node.operation)) result[input] = false;
    }
    result.back() = false;
    return result;
}

void find_uses(const Graph& graph, std::vector<NodeFacts>& facts) {
    const std::vector<bool> maps_alone = read_by_maps_alone(graph);
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        const auto use = [&](NodeId input, Role role) { facts[input].uses.push_back({id, role}); };
        std::visit(
            Overloaded{[](const model::Input&) {},
                       [&](const model::Linear& linear) { use(linear.input, Role::linear); },
                       [&](const model::FeatureMean& mean) { use(mean.input, Role::linear); },
                       [&](const model::ScaleFeatures& scale) {
                           const bool alike = same_scale(scale).has_value();
                           facts[id].absorbed = !alike && maps_alone[id];
                           use(scale.input, alike ? Role::renamed : facts[id].absorbed ? Role::linear : Role::mixed);
                       },
                       [&](const model::Centre& centre) { use(centre.input, Role::elementwise); },
                       [&](const model::Apply& apply) { use(apply.input, Role::polynomial); },
                       [&](const model::AddConstant& sum) { use(sum.input, Role::elementwise); },
                       [&](const model::MixTokens& mix) { use(mix.input, Role::mixed); },
                       [&](const model::MergeTokens& merge) { use(merge.input, Role::linear); },
                       [&](const model::TokenMean& mean) { use(mean.input, Role::linear); },
                       [&](const model::SelectToken& select) { use(select.input, Role::linear); },
                       [&](const model::AttentionScores& scores) {
                           use(scores.query, Role::query);
                           use(scores.key, Role::key);
                       },
                       [&](const model::ShiftScores& shift) {
                           use(shift.scores, Role::elementwise);
                           use(shift.shift, Role::shift);
                       },
                       [&](const model::AttentionSums& sums) { use(sums.scores, Role::attention); },
                       [&](const model::AttentionValues& values) {
                           use(values.scores, Role::attention);
                           use(values.value, Role::value);
                       },
                       [&](const model::Add& sum) {
                           use(sum.left, Role::elementwise);
                           use(sum.right, Role::elementwise);
                       },
                       [&](const model::Multiply& product) {
                           const auto role = [&](NodeId operand, NodeId other) {
                               const bool fewer = facts[operand].shape.features < facts[other].shape.features;
                               return fewer ? Role::factor : Role::elementwise;
                           };
                           use(product.left, role(product.left, product.right));
                           use(product.right, role(product.right, product.left));
                       }},
            graph.nodes[id].operation);
    }
    facts.back().is_output = true;
}

/// Can this node's producer fold any constant factor at no cost?
bool absorbs_constants(const Node& node) {
    return std::holds_alternative<model::Linear>(node.operation) ||
           std::holds_alternative<model::FeatureMean>(node.operation) ||
           std::holds_alternative<model::MixTokens>(node.operation) ||
           std::holds_alternative<model::AttentionSums>(node.operation) ||
           std::holds_alternative<model::Apply>(node.operation);
}

/// The term of a sum that keeps a bound of its own, and is scaled on its way down to the sum: a residual stream, which
/// would otherwise be stored from the first layer on with the bound, and so the noise, that only the last one needs.
std::optional<NodeId> scaled_term(const Graph& graph, const std::vector<NodeFacts>& facts, const model::Add& add) {
    const auto is_stream = [&](NodeId id) {
        const model::Operation& operation = graph.nodes[id].operation;
        return std::holds_alternative<model::Input>(operation) || std::holds_alternative<model::Add>(operation) ||
               std::holds_alternative<model::AddConstant>(operation) ||
               std::holds_alternative<model::MixTokens>(operation) ||
               std::holds_alternative<model::ScaleFeatures>(operation) ||
               std::holds_alternative<model::Centre>(operation);
    };
    const auto is_branch = [&](NodeId id) {
        return std::holds_alternative<model::Linear>(graph.nodes[id].operation) && facts[id].uses.size() == 1;
    };
    if (is_stream(add.left) && is_branch(add.right)) return add.left;
    if (is_stream(add.right) && is_branch(add.left)) return add.right;
    return std::nullopt;
}

/// Terms of sums share the largest of their bounds, but for a residual stream; a product's bound is the product of its
/// factors', where one of them can be scaled so that a sum's bound results, it is.
void choose_bounds(const Graph& graph, std::vector<NodeFacts>& facts) {
    Classes sums(graph.nodes.size());
    std::vector<bool> in_sum(graph.nodes.size(), false);
    std::vector<std::optional<NodeId>> scaled(graph.nodes.size());
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        const auto keeps_constants = [&](NodeId input) {
            sums.join(id, input);
            in_sum[input] = in_sum[id] = true;
        };
        if (const auto* sum = std::get_if<model::AddConstant>(&graph.nodes[id].operation)) keeps_constants(sum->input);
        if (const auto* centre = std::get_if<model::Centre>(&graph.nodes[id].operation)) keeps_constants(centre->input);
        const auto* add = std::get_if<model::Add>(&graph.nodes[id].operation);
        if (add == nullptr) continue;
        scaled[id] = scaled_term(graph, facts, *add);
        for (const NodeId term : {add->left, add->right}) {
            if (term == scaled[id]) continue;
            sums.join(id, term);
            in_sum[term] = true;
        }
        in_sum[id] = true;
    }
    const auto members = sums.members();
    for (const auto& [first, nodes] : members) {
        double bound = 0;
        for (const NodeId id : nodes) bound = std::max(bound, graph.nodes[id].bound);
        for (const NodeId id : nodes) facts[id].bound = bound;
    }
    // In order of evaluation: along a stream, bounds only grow.
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        if (!scaled[id] || facts[*scaled[id]].bound <= facts[id].bound) continue;
        const double bound = facts[*scaled[id]].bound;
        for (const auto& [first, nodes] : members) {
            if (std::ranges::find(nodes, id) == nodes.end()) continue;
            for (const NodeId node : nodes) facts[node].bound = bound;
        }
    }
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        const auto* product = std::get_if<model::Multiply>(&graph.nodes[id].operation);
        if (product == nullptr) continue;
        NodeFacts& left = facts[product->left];
        NodeFacts& right = facts[product->right];
        if (!in_sum[id]) {
            facts[id].bound = left.bound * right.bound;
            continue;
        }
        const auto rescale = [&](NodeId factor, const NodeFacts& other) {
            const double wanted = facts[id].bound / other.bound;
            if (in_sum[factor] || facts[factor].uses.size() > 1 || !absorbs_constants(graph.nodes[factor]) ||
                wanted < facts[factor].bound) {
                return false;
            }
            facts[factor].bound = wanted;
            return true;
        };
        if (!rescale(product->right, left)) rescale(product->left, right);
    }
}

/// Scores that are read together: they share lanes wide enough for the widest head of query and value.
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
            widen(values->scores, values->value, values->heads);
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

/// The layout in which attention wants a node, if some attention reads it.
std::optional<Layout> wanted_by_attention(const Graph& graph, const std::vector<NodeFacts>& facts, NodeId id,
                                          const Use& use) {
    const auto layout_for = [&](const AttentionLayout& attention) {
        return with_head_width(attention, facts[id].shape.features / attention.heads);
    };
    if (use.role == Role::query || use.role == Role::key) return layout_for(facts[use.reader].attention).query();
    if (use.role == Role::value) {
        const auto& values = std::get<model::AttentionValues>(graph.nodes[use.reader].operation);
        return layout_for(facts[values.scores].attention).value();
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
                                 std::holds_alternative<model::Apply>(node.operation);
        if (!elementwise || facts[id].shape.scores) continue;
        for (const NodeId input : model::inputs_of(node.operation)) {
            if (facts[input].shape == facts[id].shape) classes.join(id, input);
        }
    }
    return classes;
}

/// The attention whose sums over keys a class of values holds, or else whose scores it shifts.
std::optional<AttentionLayout> attention_by_head(const Graph& graph, const std::vector<NodeFacts>& facts,
                                                 const std::vector<NodeId>& members) {
    for (const NodeId id : members) {
        if (const auto* sums = std::get_if<model::AttentionSums>(&graph.nodes[id].operation)) {
            return facts[sums->scores].attention;
        }
    }
    for (const NodeId id : members) {
        for (const Use& use : facts[id].uses) {
            if (use.role == Role::shift) return facts[use.reader].attention;
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

/// The layout of the one attention which reads these, when nothing else does, or else the replicated one.
Layout layout_for_readers(const Graph& graph, const std::vector<NodeFacts>& facts, const std::vector<NodeId>& members) {
    std::optional<Layout> wanted;
    bool agreed = true;
    for (const NodeId id : members) {
        if (id == 0 || facts[id].is_output) agreed = false;
        for (const Use& use : facts[id].uses) {
            const auto layout = wanted_by_attention(graph, facts, id, use);
            if (use.role == Role::linear || (layout && wanted && *layout != *wanted)) agreed = false;
            if (layout) wanted = layout;
        }
    }
    const NodeFacts& first = facts[members.front()];
    return agreed && wanted ? *wanted : replicated_layout(first.packing, first.shape.features);
}

/// Values tied by elementwise operations share a layout.
void choose_layouts(const Graph& graph, std::vector<NodeFacts>& facts) {
    const auto classes = elementwise_classes(graph, facts).members();
    for (const auto& [first, members] : classes) {
        if (facts[first].shape.scores) continue;
        const auto attention = attention_by_head(graph, facts, members);
        if (!attention) continue;
        for (const NodeId id : members) {
            facts[id].by_head = true;
            facts[id].attention = *attention;
            facts[id].layout = attention->by_head();
        }
    }
    for (const auto& [first, members] : classes) {
        if (facts[first].shape.scores || facts[first].by_head) continue;
        const auto by_head = multiplied_by_head(graph, facts, members);
        const Layout layout = by_head ? *by_head : layout_for_readers(graph, facts, members);
        for (const NodeId id : members) facts[id].layout = layout;
    }
}

}  // namespace

bool NodeFacts::only(Role role) const {
    return !is_output && std::ranges::all_of(uses, [&](const Use& use) { return use.role == role; });
}

std::optional<SameScale> same_scale(const model::ScaleFeatures& scale) {
    const auto alike = [](const std::vector<float>& values) {
        return std::ranges::all_of(values, [&](float value) { return value == values.front(); });
    };
    if (!alike(scale.factors) || !alike(scale.bias) || scale.factors.front() == 0) return std::nullopt;
    return SameScale{scale.factors.front(), scale.bias.empty() ? 0.0 : static_cast<double>(scale.bias.front())};
}

AttentionLayout with_head_width(AttentionLayout layout, std::size_t head_width) {
    layout.head_width = head_width;
    return layout;
}

std::vector<NodeFacts> analyse(const Graph& graph, const Packing& packing) {
    const std::vector<model::Shape> shapes = model::shapes_of(graph);
    std::vector<NodeFacts> facts(graph.nodes.size());
    for (NodeId id = 0; id < facts.size(); ++id) facts[id].shape = shapes[id];
    choose_packings(graph, packing, facts);
    find_uses(graph, facts);
    choose_bounds(graph, facts);
    choose_score_layouts(graph, facts);
    choose_layouts(graph, facts);
    return facts;
}

}  // namespace polyformer::compile
