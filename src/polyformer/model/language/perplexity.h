// Perplexity per word over a whole text, by a window that slides along its tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/model/language/embedding.h"

namespace polyformer::model {

/// Tokens [begin, begin + length) are read; the predictions at positions first_scored … length − 1 count.
struct Window {
    std::size_t begin = 0;
    std::size_t length = 0;
    std::size_t first_scored = 0;
};

/// Windows of at most `context` tokens that together score each of `predictions` positions once. Each begins `stride`
/// after the one before, so that all predictions but the text's first see at least context − stride tokens before them.
/// Throws Error unless 1 ≤ stride ≤ context.
std::vector<Window> sliding_windows(std::size_t predictions, std::size_t context, std::size_t stride);

/// exp(nats / words): with words as published, not tokens, so that vocabularies compare. Throws Error without words.
double perplexity_per_word(double nats, std::size_t words);

/// −Σ log softmax(logits[row])[ids[row + 1]] over the scored rows of a window; `ids` are its tokens and the one after.
double negative_log_likelihood(const Tensor& logits, std::span<const std::int32_t> ids, std::size_t first_scored);

/// What reading a text with a model gives.
struct TextScore {
    double nats = 0;                        ///< negative log-likelihood of all of the text's tokens
    std::vector<IntervalReport> intervals;  ///< one per Apply node, over all windows
};

/// One window's evaluation: evaluate(), or evaluate_exact() in the same form.
using EvaluateWindow = std::function<Evaluation(const Tensor& embedded)>;

/// Reads `ids` after one `end_of_line`, windows `stride` apart, on all threads. `progress` gets the share done.
/// Throws what `evaluate` throws, and Error when a logit is not finite.
TextScore score_text(const EvaluateWindow& evaluate, const Embedding& embedding, std::span<const std::int32_t> ids,
                     std::int32_t end_of_line, std::size_t stride, const std::function<void(double)>& progress);

}  // namespace polyformer::model
