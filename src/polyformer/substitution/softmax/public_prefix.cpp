#include "polyformer/substitution/softmax/public_prefix.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "polyformer/model/graph/graph_edit.h"
#include "polyformer/substitution/measurement/next_tokens.h"
#include "polyformer/substitution/measurement/texts.h"
#include "polyformer/substitution/measurement/value_histogram.h"
#include "polyformer/substitution/softmax/attention.h"
#include "polyformer/support/error.h"

namespace polyformer::substitution {
namespace {

using model::Graph;
using model::Linear;
using model::NodeId;
using model::Tensor;

/// Keys and values of a prefix in one attention: (P, K·w) each.
struct KeysAndValues {
    Tensor keys;
    Tensor values;
};

std::vector<KeysAndValues> evaluate_prefix(const Graph& exact, std::span<const SoftmaxAttention> attentions,
                                           const Tensor& prefix) {
    std::vector<KeysAndValues> all(attentions.size());
    std::map<NodeId, Tensor*> wanted;
    for (std::size_t a = 0; a < attentions.size(); ++a) {
        wanted[std::get<model::AttentionScores>(exact.nodes[attentions[a].scores].operation).key] = &all[a].keys;
        wanted[std::get<model::AttentionValues>(exact.nodes[attentions[a].values].operation).value] = &all[a].values;
    }
    model::evaluate_batch(exact, std::span(&prefix, 1), model::Functions::exact,
                          [&](NodeId node, std::span<const Tensor> values) {
                              const auto found = wanted.find(node);
                              if (found != wanted.end()) *found->second = values.front();
                          });
    return all;
}

/// Query features (H·w) to scores with P keys, column h·P + p.
Linear score_map(const model::AttentionScores& scores, const Tensor& keys) {
    const std::size_t key_heads = scores.key_heads == 0 ? scores.heads : scores.key_heads;
    const std::size_t width = keys.columns / key_heads;
    Linear map{scores.query, {scores.heads * width, scores.heads * keys.rows, {}}, {}};
    map.weight.values.assign(map.weight.rows * map.weight.columns, 0.0F);
    for (std::size_t h = 0; h < scores.heads; ++h) {
        const std::size_t block = h / (scores.heads / key_heads) * width;
        for (std::size_t p = 0; p < keys.rows; ++p) {
            for (std::size_t j = 0; j < width; ++j) {
                map.weight.values[(h * width + j) * map.weight.columns + h * keys.rows + p] =
                    static_cast<float>(scores.scale * keys.at(p, block + j));
            }
        }
    }
    return map;
}

/// Weights (H·P) to what they make of P values, (H·w).
Linear value_map(NodeId weights, const model::AttentionValues& attention, const Tensor& values) {
    const std::size_t value_heads = attention.value_heads == 0 ? attention.heads : attention.value_heads;
    const std::size_t width = values.columns / value_heads;
    Linear map{weights, {attention.heads * values.rows, attention.heads * width, {}}, {}};
    map.weight.values.assign(map.weight.rows * map.weight.columns, 0.0F);
    for (std::size_t h = 0; h < attention.heads; ++h) {
        const std::size_t block = h / (attention.heads / value_heads) * width;
        for (std::size_t p = 0; p < values.rows; ++p) {
            for (std::size_t j = 0; j < width; ++j) {
                map.weight.values[(h * values.rows + p) * map.weight.columns + h * width + j] =
                    static_cast<float>(values.at(p, block + j));
            }
        }
    }
    return map;
}

/// Weights (H·P) to their sums, (H).
Linear sum_map(NodeId weights, std::size_t heads, std::size_t tokens) {
    Linear map{weights, {heads * tokens, heads, std::vector<float>(heads * tokens * heads, 0.0F)}, {}};
    for (std::size_t row = 0; row < heads * tokens; ++row) map.weight.values[row * heads + row / tokens] = 1;
    return map;
}

void redirect(Graph& graph, NodeId from, NodeId to, NodeId first) {
    for (NodeId id = first; id < graph.nodes.size(); ++id) {
        std::visit(
            [&](auto& one) {
                if constexpr (requires { one.input; }) one.input = one.input == from ? to : one.input;
                if constexpr (requires { one.left; }) one.left = one.left == from ? to : one.left;
                if constexpr (requires { one.right; }) one.right = one.right == from ? to : one.right;
            },
            graph.nodes[id].operation);
    }
}

void add_prefix(Graph& graph, const SoftmaxAttention& before, const KeysAndValues& prefix) {
    const auto& scores = std::get<model::AttentionScores>(graph.nodes[before.scores].operation);
    const auto attention = std::get<model::AttentionValues>(graph.nodes[before.values].operation);
    const auto& sums = std::get<model::AttentionSums>(graph.nodes[before.sums].operation);
    const std::string& name = graph.nodes[before.scores].name;
    require(before.causal, "'{}' looks both ways: a prefix would see the text", name);
    require(scores.bias.values.empty() && attention.mask.values.empty() && sums.mask.values.empty(),
            "'{}' has relative positions or masks, which say nothing of tokens before the text", name);
    const std::size_t heads = before.heads;
    const std::size_t tokens = prefix.keys.rows;
    const std::string stem = name.substr(0, name.rfind('.') + 1);
    model::insert_nodes(graph, before.scores, {{stem + "prefix_scores", score_map(scores, prefix.keys)}});

    // All that follows the scores has moved up by one.
    const NodeId values = before.values + 1;
    const NodeId total = before.sums + 1;
    const NodeId shifted = std::max(values, total) + 1;
    const NodeId weights = shifted + 1;
    std::vector<model::Node> added{{stem + "prefix_shifted", model::Add{before.scores, before.shift + 1}},
                                   {stem + "prefix_weights", model::Apply{shifted, {-1, 1, {0}}, "exp"}},
                                   {stem + "prefix_values", value_map(weights, attention, prefix.values)}};
    NodeId prefix_sums = weights;
    if (tokens > 1) {
        prefix_sums = shifted + added.size();
        added.push_back({stem + "prefix_sums", sum_map(weights, heads, tokens)});
    }
    const NodeId values_total = shifted + added.size();
    added.push_back({stem + "values_total", model::Add{values, shifted + 2}});
    added.push_back({stem + "sums_total", model::Add{total, prefix_sums}});
    model::insert_nodes(graph, shifted, added);
    const NodeId behind = shifted + added.size();
    redirect(graph, values, values_total, behind);
    redirect(graph, total, values_total + 1, behind);
}

/// Leaves the places [first, first + context).
void keep_places(Graph& graph, std::size_t first, std::size_t context) {
    const auto keep = [&](model::Matrix& rows) {
        const auto begin = rows.values.begin() + static_cast<std::ptrdiff_t>(first * rows.columns);
        rows = {context, rows.columns, {begin, begin + static_cast<std::ptrdiff_t>(context * rows.columns)}};
    };
    for (model::Node& node : graph.nodes) {
        if (auto* rotation = std::get_if<model::RotateFeatures>(&node.operation)) keep(rotation->angles);
        if (auto* positions = std::get_if<model::AddConstant>(&node.operation)) keep(positions->values);
    }
    graph.context = context;
}

}  // namespace

Graph with_prefix(const Graph& exact, const Tensor& prefix, std::size_t context) {
    require(context > 0 && prefix.rows + context <= exact.context,
            "a prefix of {} tokens and {} of text do not fit a context of {}", prefix.rows, context, exact.context);
    Graph graph = exact;
    if (prefix.rows > 0) {
        square_exponentials(graph);
        const std::vector<SoftmaxAttention> attentions = softmax_attentions(graph);
        require(!attentions.empty(), "the graph has no attention with a softmax, so that a prefix has nothing to do");
        const std::vector<KeysAndValues> prefixes = evaluate_prefix(graph, attentions, prefix);
        // From the end: later nodes move.
        for (std::size_t a = attentions.size(); a-- > 0;) add_prefix(graph, attentions[a], prefixes[a]);
    }
    keep_places(graph, prefix.rows, context);
    model::validate(graph);
    return graph;
}

PrefixEffect effect_of_prefix(const Graph& exact, const std::vector<std::int32_t>& prefix,
                              const std::vector<std::vector<std::int32_t>>& texts,
                              const std::function<Tensor(std::span<const std::int32_t>)>& embed, bool predict) {
    struct Norm {
        ValueHistogram logarithms;
        std::vector<double> largest;  // of each text
    };
    std::map<NodeId, Norm> norms;
    for (const model::Node& node : exact.nodes) {
        const auto* apply = std::get_if<model::Apply>(&node.operation);
        if (apply != nullptr && apply->replaces == "inverse_sqrt") norms.emplace(apply->input, Norm{});
    }
    Texts whole{{}, embed};
    for (const auto& text : texts) {
        whole.tokens.push_back(prefix);
        whole.tokens.back().insert(whole.tokens.back().end(), text.begin(), text.end());
    }
    NextTokens predicted;
    std::size_t first = 0;  // of a batch
    const model::Observer observer = [&](NodeId node, std::span<const Tensor> values) {
        if (const auto found = norms.find(node); found != norms.end()) {
            for (const Tensor& variances : values) {
                double& largest = found->second.largest.emplace_back(0);
                for (std::size_t t = prefix.size(); t < variances.rows; ++t) {
                    const double x = variances.at(t, 0);
                    largest = std::max(largest, x);
                    if (x > 0) found->second.logarithms.add(std::log(x));
                }
            }
        }
        if (node + 1 < exact.nodes.size()) return;
        for (std::size_t i = 0; i < values.size(); ++i) {
            predicted.add(values[i], whole.tokens[first + i], prefix.size());
        }
        first += values.size();
    };
    observe_texts(exact, whole, model::Functions::exact, observer, model::Sums::in_single, predict);
    PrefixEffect effect{.perplexity = predicted.perplexity()};
    std::vector<bool> huge(texts.size(), false);
    for (const auto& [node, norm] : norms) {
        if (norm.logarithms.empty()) continue;
        const double median = std::exp(norm.logarithms.quantile(0.5));
        for (std::size_t i = 0; i < norm.largest.size(); ++i) {
            const double ratio = norm.largest[i] / median;
            if (ratio > kHugeRatio) huge[i] = true;
            if (ratio <= effect.ratio) continue;
            effect.ratio = ratio;
            effect.norm = exact.nodes[node].name;
        }
    }
    effect.huge = static_cast<std::size_t>(std::ranges::count(huge, true));
    return effect;
}

}  // namespace polyformer::substitution
