#include "polyformer/model/interpreter/attention_operations.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

#include "polyformer/model/interpreter/vector_loops.h"

namespace polyformer::model {

namespace {

/// The features of one head at the tokens of one window, transposed: (w, W).
std::vector<double> transposed_keys(const Tensor& key, std::size_t first_token, std::size_t window,
                                    std::size_t first_feature, std::size_t head_width) {
    std::vector<double> result(head_width * window);
    for (std::size_t k = 0; k < window; ++k) {
        const double* row = &key.values[(first_token + k) * key.columns + first_feature];
        for (std::size_t j = 0; j < head_width; ++j) result[j * window + k] = row[j];
    }
    return result;
}

/// The weights of the keys that the query of a row of scores sees, masked, in `space`.
std::span<const double> masked_weights(const Tensor& scores, const Matrix& mask, bool causal, std::size_t row,
                                       std::size_t heads, std::vector<double>& space) {
    const std::size_t tokens = scores.rows / heads;
    const std::size_t kept = causal ? row % tokens + 1 : scores.columns;
    space.assign(&scores.values[row * scores.columns], &scores.values[row * scores.columns] + kept);
    if (!mask.values.empty()) {
        const std::size_t mask_tokens = mask.rows / heads;  // more than tokens for a shorter text
        const float* masks = &mask.values[(row / tokens * mask_tokens + row % tokens) * mask.columns];
        for (std::size_t k = 0; k < kept; ++k) space[k] *= static_cast<double>(masks[k]);
    }
    return space;
}

}  // namespace

Tensor attention_scores(const AttentionScores& scores, const Tensor& query, const Tensor& key) {
    const std::size_t tokens = query.rows;
    const std::size_t head_width = query.columns / scores.heads;
    const std::size_t window = scores.window == 0 ? tokens : std::min(scores.window, tokens);
    const std::size_t sharers = scores.heads / key_heads_of(scores);
    Tensor output{scores.heads * tokens, window, std::vector<double>(scores.heads * tokens * window)};
    for (std::size_t first_row = 0; first_row < output.rows; first_row += window) {
        const std::size_t head = first_row / tokens;
        const std::size_t first_token = first_row % tokens;
        const std::vector<double> keys =
            transposed_keys(key, first_token, window, head / sharers * head_width, head_width);
        for (std::size_t q = 0; q < window; ++q) {
            double* out = &output.values[(first_row + q) * window];
            add_combined_rows(&query.values[(first_token + q) * query.columns + head * head_width], head_width,
                              keys.data(), window, window, out);
            for (std::size_t k = 0; k < window; ++k) out[k] *= scores.scale;
            if (scores.bias.values.empty()) continue;
            const float* bias = &scores.bias.values[(head * window + q) * window];
            for (std::size_t k = 0; k < window; ++k) out[k] += static_cast<double>(bias[k]);
        }
    }
    return output;
}

Tensor shift_scores(const Tensor& scores, const Tensor& shift) {
    Tensor output = scores;
    for (std::size_t row = 0; row < output.rows; ++row) {
        const double by = shift.at(row % shift.rows, row / shift.rows);
        for (std::size_t k = 0; k < output.columns; ++k) output.at(row, k) += by;
    }
    return output;
}

Tensor attention_sums(const AttentionSums& attention, const Tensor& scores) {
    const std::size_t tokens = scores.rows / attention.heads;
    Tensor output{tokens, attention.heads, std::vector<double>(tokens * attention.heads)};
    std::vector<double> space;
    for (std::size_t row = 0; row < scores.rows; ++row) {
        const auto weights = masked_weights(scores, attention.mask, attention.causal, row, attention.heads, space);
        output.at(row % tokens, row / tokens) = std::accumulate(weights.begin(), weights.end(), 0.0);
    }
    return output;
}

Tensor attention_values(const AttentionValues& attention, const Tensor& scores, const Tensor& value) {
    const std::size_t tokens = value.rows;
    const std::size_t window = scores.columns;
    const std::size_t head_width = value.columns / value_heads_of(attention);
    const std::size_t sharers = attention.heads / value_heads_of(attention);
    const std::size_t width = attention.heads * head_width;
    Tensor output{tokens, width, std::vector<double>(tokens * width)};
    std::vector<double> space;
    for (std::size_t row = 0; row < scores.rows; ++row) {
        const std::size_t head = row / tokens;
        const std::size_t q = row % tokens;
        const auto weights = masked_weights(scores, attention.mask, attention.causal, row, attention.heads, space);
        const std::size_t first_token = q / window * window;
        if (attention.averages) {
            for (double& weight : space) weight /= static_cast<double>(weights.size());
        }
        add_combined_rows(weights.data(), weights.size(),
                          &value.values[first_token * value.columns + head / sharers * head_width], value.columns,
                          head_width, &output.values[q * width + head * head_width]);
    }
    return output;
}

}  // namespace polyformer::model
