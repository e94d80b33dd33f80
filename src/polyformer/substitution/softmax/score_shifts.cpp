#include "polyformer/substitution/softmax/score_shifts.h"

#include <algorithm>
#include <cmath>

#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::substitution {
namespace {

using model::NodeId;
using model::Tensor;

constexpr std::size_t kHeldOut = 8;          // every eighth text
constexpr std::size_t kMostHeldRows = 4096;  // tokens kept for residuals
constexpr std::size_t kMostRows = 60'000;    // tokens that a regression needs at most
constexpr double kRidge = 1e-4;

double predict(const LinearMap& map, const double* input, std::size_t head) {
    const std::size_t heads = map.bias.size();
    double sum = map.bias[head];
    for (std::size_t i = 0; i < map.weight.size() / heads; ++i) sum += input[i] * map.weight[i * heads + head];
    return sum;
}

/// Of what each query sees: keys of the text (H·T, T), and of the prefix (T, H·P), which may be empty. (T, H), row by
/// row.
std::vector<double> log_sum_exp(const Tensor& scores, const Tensor& prefix, const SoftmaxAttention& attention) {
    const std::size_t heads = attention.heads;
    const std::size_t tokens = scores.rows / heads;
    const std::size_t public_keys = prefix.columns / heads;
    std::vector<double> result(tokens * heads);
    std::vector<double> seen;
    for (std::size_t row = 0; row < scores.rows; ++row) {
        const std::size_t query = row % tokens;
        const std::size_t head = row / tokens;
        const double* text = &scores.values[row * scores.columns];
        seen.assign(text, text + (attention.causal ? query + 1 : scores.columns));
        for (std::size_t p = 0; p < public_keys; ++p) seen.push_back(prefix.at(query, head * public_keys + p));
        const double largest = std::ranges::max(seen);
        double sum = 0;
        for (const double x : seen) sum += std::exp(x - largest);
        result[query * heads + head] = largest + std::log(sum);
    }
    return result;
}

HeadResidual residual_of(std::span<const double> inputs, std::span<const double> targets, const LinearMap& map,
                         std::size_t head) {
    const std::size_t heads = map.bias.size();
    const std::size_t width = map.weight.size() / heads;
    const std::size_t rows = targets.size() / heads;
    HeadResidual residual;
    double squares = 0;
    for (std::size_t t = 0; t < rows; ++t) {
        const double difference = targets[t * heads + head] - predict(map, &inputs[t * width], head);
        residual.smallest = t == 0 ? difference : std::min(residual.smallest, difference);
        residual.largest = t == 0 ? difference : std::max(residual.largest, difference);
        squares += difference * difference;
    }
    if (rows > 0) residual.deviation = std::sqrt(squares / static_cast<double>(rows));
    return residual;
}

}  // namespace

ShiftFit::ShiftFit(const model::Graph& graph)
    : attentions_(softmax_attentions(graph)),
      held_out_(attentions_.size()),
      seen_(attentions_.size(), 0),
      reading_(graph.nodes.size()),
      scored_(graph.nodes.size()),
      prefixed_(graph.nodes.size()) {
    for (std::size_t i = 0; i < attentions_.size(); ++i) {
        const auto& shift = std::get<model::Linear>(graph.nodes[attentions_[i].shift].operation);
        regressions_.emplace_back(shift.weight.rows, attentions_[i].heads);
        input_of_.push_back(shift.input);
        reading_[shift.input].push_back(i);
        const SoftmaxAttention& attention = attentions_[i];
        // The later one of the two.
        scored_[std::max(attention.scores, attention.prefix_scores.value_or(0))].push_back(i);
        if (attention.prefix_scores) prefixed_[std::min(attention.scores, *attention.prefix_scores)] = true;
    }
}

void ShiftFit::observe(NodeId node, std::span<const Tensor> values) {
    if (!reading_[node].empty()) inputs_[node].assign(values.begin(), values.end());
    if (prefixed_[node]) other_scores_.assign(values.begin(), values.end());
    for (const std::size_t a : scored_[node]) {
        const std::vector<Tensor>& inputs = inputs_.at(input_of_[a]);
        const SoftmaxAttention& attention = attentions_[a];
        std::vector<std::vector<double>> targets(values.size());
        parallel_for(values.size(), [&](std::size_t i) {
            if (!attention.prefix_scores) {
                targets[i] = log_sum_exp(values[i], {}, attention);
            } else if (node == attention.scores) {
                targets[i] = log_sum_exp(values[i], other_scores_[i], attention);
            } else {
                targets[i] = log_sum_exp(other_scores_[i], values[i], attention);
            }
        });
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (seen_[a]++ % kHeldOut == kHeldOut - 1) {
                if (held_out_[a].targets.size() < kMostHeldRows * attentions_[a].heads) {
                    held_out_[a].add(inputs[i], targets[i]);
                }
            } else if (regressions_[a].rows() < kMostRows) {
                regressions_[a].add(inputs[i].values, targets[i]);
            }
        }
        // The last reader of these values.
        if (reading_[input_of_[a]].back() == a) inputs_.erase(input_of_[a]);
    }
}

void ShiftFit::Rows::add(const Tensor& input, std::span<const double> target) {
    inputs.insert(inputs.end(), input.values.begin(), input.values.end());
    targets.insert(targets.end(), target.begin(), target.end());
}

std::vector<std::vector<HeadResidual>> ShiftFit::apply_to(model::Graph& graph) const {
    std::vector<std::vector<HeadResidual>> residuals(attentions_.size());
    for (std::size_t a = 0; a < attentions_.size(); ++a) {
        LinearMap map = regressions_[a].solve(kRidge);
        double mean_top = 0;
        for (std::size_t head = 0; head < attentions_[a].heads; ++head) {
            residuals[a].push_back(residual_of(held_out_[a].inputs, held_out_[a].targets, map, head));
            mean_top += residuals[a].back().largest / static_cast<double>(attentions_[a].heads);
        }
        // All heads share one interval. A polynomial resolves 1/s the worse the farther s lies below the interval's
        // upper end, so that each head's residuals reach up to it.
        for (std::size_t head = 0; head < attentions_[a].heads; ++head) {
            HeadResidual& residual = residuals[a][head];
            const double lift = mean_top - residual.largest;
            map.bias[head] -= lift;
            residual.smallest += lift;
            residual.largest += lift;
        }
        auto& shift = std::get<model::Linear>(graph.nodes[attentions_[a].shift].operation);
        std::ranges::transform(map.weight, shift.weight.values.begin(),
                               [](double x) { return static_cast<float>(-x); });
        shift.bias.resize(map.bias.size());
        std::ranges::transform(map.bias, shift.bias.begin(), [](double x) { return static_cast<float>(-x); });
    }
    return residuals;
}

}  // namespace polyformer::substitution
