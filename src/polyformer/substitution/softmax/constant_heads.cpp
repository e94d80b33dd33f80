#include "polyformer/substitution/softmax/constant_heads.h"

#include <algorithm>
#include <cmath>

#include "polyformer/support/error.h"

namespace polyformer::substitution {
namespace {

using model::NodeId;
using model::Tensor;

/// The least share of its weight that a query may keep when the text ends.
constexpr double kLeastKept = 0.3;
/// As many texts as the mean over all keys at a distance is worth.
constexpr double kDistanceTexts = 2;

/// For each query, and each number of tokens that has it, the share of the pattern that is left.
double least_kept(std::span<const float> pattern, std::size_t context) {
    double least = 1;
    for (std::size_t q = 0; q < context; ++q) {
        double kept = 0;
        for (std::size_t k = 0; k < context; ++k) {
            kept += static_cast<double>(pattern[q * context + k]);
            if (k >= q) least = std::min(least, kept);
        }
    }
    return least;
}

/// The mean weights, of which `weights` are the sums over texts and texts[t] the texts that have token t. Where few
/// texts had query and key, what the head gives to other keys at the same distance counts.
std::vector<float> pattern_of(std::span<const float> weights, std::span<const double> texts, std::size_t context) {
    std::vector<double> sums(2 * context, 0.0);
    std::vector<double> seen(2 * context, 0.0);
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const std::size_t q = i / context;
        const std::size_t k = i % context;
        sums[context + k - q] += static_cast<double>(weights[i]);
        seen[context + k - q] += texts[std::max(q, k)];
    }
    std::vector<float> pattern(weights.size());
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const std::size_t q = i / context;
        const std::size_t k = i % context;
        const std::size_t offset = context + k - q;
        const double by_distance = seen[offset] > 0 ? sums[offset] / seen[offset] : 0;
        const double both = texts[std::max(q, k)] + kDistanceTexts;
        pattern[i] = static_cast<float>((static_cast<double>(weights[i]) + kDistanceTexts * by_distance) / both);
    }
    return pattern;
}

void write_rows(model::Matrix& mask, std::size_t heads, std::size_t context, const ConstantHead& head) {
    if (mask.values.empty()) mask = {heads * context, context, std::vector<float>(heads * context * context, 1.0F)};
    std::ranges::copy(head.pattern, mask.values.begin() + static_cast<std::ptrdiff_t>(head.head * context * context));
}

/// Sets columns [first, first + count) of a map to zero.
void clear_columns(model::Linear& map, std::size_t first, std::size_t count) {
    for (std::size_t row = 0; row < map.weight.rows; ++row) {
        std::fill_n(&map.weight.values[row * map.weight.columns + first], count, 0.0F);
    }
    if (!map.bias.empty()) std::fill_n(&map.bias[first], count, 0.0F);
}

}  // namespace

PatternFit::PatternFit(const model::Graph& graph)
    : context_(graph.context), attentions_(softmax_attentions(graph)), sums_(attentions_.size()) {
    for (std::size_t a = 0; a < attentions_.size(); ++a) {
        if (attentions_[a].causal) continue;
        by_weights_[attentions_[a].shifted] = a;
        sums_[a] = {std::vector<float>(attentions_[a].heads * context_ * context_),
                    std::vector<double>(attentions_[a].heads), std::vector<std::size_t>(context_ + 1)};
    }
}

void PatternFit::observe(NodeId node, std::span<const Tensor> values) {
    const auto found = by_weights_.find(node);
    if (found == by_weights_.end()) return;
    Sums& sums = sums_[found->second];
    const std::size_t heads = attentions_[found->second].heads;
    std::vector<double> weights;
    for (const Tensor& scores : values) {
        const std::size_t tokens = scores.rows / heads;
        ++sums.texts[tokens];
        for (std::size_t row = 0; row < scores.rows; ++row) {
            const double* in = &scores.values[row * scores.columns];
            const double largest = *std::max_element(in, in + tokens);
            weights.assign(in, in + tokens);
            double sum = 0;
            for (double& weight : weights) sum += weight = std::exp(weight - largest);
            float* out = &sums.weights[(row / tokens * context_ + row % tokens) * context_];
            for (std::size_t k = 0; k < tokens; ++k) {
                const double weight = weights[k] / sum;
                out[k] += static_cast<float>(weight);
                sums.squares[row / tokens] += weight * weight;
            }
        }
    }
}

std::vector<ConstantHead> PatternFit::find(double most_spread) const {
    std::vector<ConstantHead> found;
    for (std::size_t a = 0; a < attentions_.size(); ++a) {
        const Sums& sums = sums_[a];
        if (sums.weights.empty()) continue;
        // Texts that have token t.
        std::vector<double> texts(context_ + 1, 0.0);
        double queries = 0;
        for (std::size_t t = context_; t-- > 0;) {
            texts[t] = texts[t + 1] + static_cast<double>(sums.texts[t + 1]);
            queries += texts[t];
        }
        if (queries == 0) continue;
        for (std::size_t h = 0; h < attentions_[a].heads; ++h) {
            const std::span<const float> weights(&sums.weights[h * context_ * context_], context_ * context_);
            ConstantHead head{.attention = a, .head = h, .pattern = pattern_of(weights, texts, context_)};
            double squares = sums.squares[h];  // Σ (weight − pattern)²
            for (std::size_t i = 0; i < weights.size(); ++i) {
                const double mean = static_cast<double>(head.pattern[i]);
                const double seen = texts[std::max(i / context_, i % context_)];
                squares += mean * (seen * mean - 2 * static_cast<double>(weights[i]));
            }
            head.spread = std::max(0.0, squares) / queries;
            if (head.spread <= most_spread && least_kept(head.pattern, context_) >= kLeastKept) {
                found.push_back(std::move(head));
            }
        }
    }
    std::ranges::sort(found, {}, &ConstantHead::spread);
    return found;
}

void fold(model::Graph& graph, const SoftmaxAttention& attention, const ConstantHead& head) {
    auto& scores = std::get<model::AttentionScores>(graph.nodes[attention.scores].operation);
    auto* query = std::get_if<model::Linear>(&graph.nodes[scores.query].operation);
    require(query != nullptr,
            "a head of '{}' cannot be made constant: its queries come from '{}', which is no linear map",
            graph.nodes[attention.scores].name, graph.nodes[scores.query].name);
    const std::size_t width = query->weight.columns / attention.heads;
    clear_columns(*query, head.head * width, width);
    if (!scores.bias.values.empty()) {
        const std::size_t window = scores.bias.columns;
        std::fill_n(&scores.bias.values[head.head * window * window], window * window, 0.0F);
    }
    clear_columns(std::get<model::Linear>(graph.nodes[attention.shift].operation), head.head, 1);
    write_rows(std::get<model::AttentionValues>(graph.nodes[attention.values].operation).mask, attention.heads,
               graph.context, head);
    write_rows(std::get<model::AttentionSums>(graph.nodes[attention.sums].operation).mask, attention.heads,
               graph.context, head);
}

}  // namespace polyformer::substitution
