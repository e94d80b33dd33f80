#include "polyformer/substitution/steps/attention_step.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "polyformer/substitution/softmax/constant_heads.h"

namespace polyformer::substitution {
namespace {

using model::Functions;
using model::NodeId;
using model::Tensor;

/// Heads steadier than this may be folded, as long as all of them together cost no more than this share of the loss.
constexpr double kMostSpread = 0.02;
constexpr double kFoldingShare = 0.1;

/// A regression on so many features is as good with so many tokens for each of them as with more.
constexpr std::size_t kTokensAFeature = 40;
constexpr std::size_t kFewestTokens = 20'000;

Texts enough_of(const Texts& sample, std::size_t features) {
    const std::size_t enough = std::max(kFewestTokens, kTokensAFeature * features);
    std::size_t tokens = 0;
    std::size_t count = 0;
    while (count < sample.count() && tokens < enough) tokens += sample.tokens[count++].size();
    return sample.part(0, count);
}

void fold_heads(model::Graph& graph, FittedAttention& fitted, const std::vector<ConstantHead>& candidates,
                const Trial& trial, double most_loss) {
    if (candidates.empty()) return;
    double loss = trial.loss(graph, Functions::exact).mean;
    for (const ConstantHead& head : candidates) {
        const SoftmaxAttention& attention = fitted.attentions[head.attention];
        std::vector<std::pair<NodeId, model::Operation>> before;
        const NodeId query = std::get<model::AttentionScores>(graph.nodes[attention.scores].operation).query;
        if (!std::holds_alternative<model::Linear>(graph.nodes[query].operation)) continue;
        for (const NodeId node : {query, attention.scores, attention.shift, attention.values, attention.sums}) {
            before.emplace_back(node, graph.nodes[node].operation);
        }
        fold(graph, attention, head);
        const double after = trial.loss(graph, Functions::exact).mean;
        if (after <= most_loss) {
            fitted.folded.push_back({head.attention, head.head, head.spread, after - loss});
            loss = after;
            continue;
        }
        for (auto& [node, operation] : before) graph.nodes[node].operation = std::move(operation);
    }
}

}  // namespace

FittedAttention fit_attention(model::Graph& graph, const Texts& sample, const Trial& trial,
                              const SubstitutionOptions& options) {
    if (softmax_attentions(graph).empty()) return {};
    ShiftFit shifts(graph);
    PatternFit patterns(graph);
    const model::Observer observer = [&](NodeId node, std::span<const Tensor> values) {
        shifts.observe(node, values);
        patterns.observe(node, values);
    };
    pass("Predicting log-sum-exps", graph, enough_of(sample, graph.width), options.quiet, observer, false);
    FittedAttention fitted{.attentions = shifts.attentions(), .residuals = shifts.apply_to(graph), .folded = {}};
    fold_heads(graph, fitted, patterns.find(kMostSpread), trial, kFoldingShare * options.loss);
    return fitted;
}

}  // namespace polyformer::substitution
