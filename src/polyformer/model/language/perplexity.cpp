#include "polyformer/model/language/perplexity.h"

#include <algorithm>
#include <cmath>
#include <mutex>

#include "polyformer/model/interpreter/interval_report.h"
#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::model {

std::vector<Window> sliding_windows(std::size_t predictions, std::size_t context, std::size_t stride) {
    require(stride >= 1 && stride <= context, "a stride of {} does not lie between 1 and the context, {}", stride,
            context);
    std::vector<Window> windows;
    for (std::size_t scored = 0; scored < predictions;) {
        // The last window moves back to end with the text, its context in full.
        const std::size_t end = std::min(predictions, scored == 0 ? context : scored + stride);
        const std::size_t begin = end - std::min(end, context);
        windows.push_back({begin, end - begin, scored - begin});
        scored = end;
    }
    return windows;
}

double perplexity_per_word(double nats, std::size_t words) {
    require(words > 0, "a text without words has no perplexity");
    return std::exp(nats / static_cast<double>(words));
}

double negative_log_likelihood(const Tensor& logits, std::span<const std::int32_t> ids, std::size_t first_scored) {
    double nats = 0;
    for (std::size_t row = first_scored; row < logits.rows; ++row) {
        const double* values = &logits.values[row * logits.columns];
        const double largest = *std::max_element(values, values + logits.columns);
        double sum = 0;
        for (std::size_t j = 0; j < logits.columns; ++j) sum += std::exp(values[j] - largest);
        nats += largest + std::log(sum) - values[ids[row + 1]];
    }
    return nats;
}

TextScore score_text(const EvaluateWindow& evaluate_window, const Embedding& embedding,
                     std::span<const std::int32_t> ids, std::int32_t end_of_line, std::size_t stride,
                     const std::function<void(double)>& progress) {
    std::vector<std::int32_t> stream = {end_of_line};
    stream.insert(stream.end(), ids.begin(), ids.end());
    const std::vector<Window> windows = sliding_windows(ids.size(), embedding.positions.rows, stride);
    std::vector<double> nats(windows.size());  // summed in order at the end: the same result on any number of threads
    TextScore score;
    std::size_t done = 0;
    std::mutex mutex;
    parallel_for(windows.size(), [&](std::size_t i) {
        const Window& window = windows[i];
        const std::span tokens = std::span(stream).subspan(window.begin, window.length + 1);
        const Evaluation evaluation = evaluate_window(embedding.embed(tokens.first(window.length)));
        nats[i] = negative_log_likelihood(evaluation.logits, tokens, window.first_scored);
        require(
            std::isfinite(nats[i]) && all_finite(evaluation.logits.values),
            "the model's logits for tokens {} to {} of the text are not finite: {}; the model has no answer to such "
            "a text",
            window.begin, window.begin + window.length,
            describe_outside(outside_share(evaluation.intervals), farthest_outside(evaluation.intervals)));
        const std::lock_guard lock(mutex);
        merge(score.intervals, evaluation.intervals);
        progress(static_cast<double>(++done) / static_cast<double>(windows.size()));
    });
    for (const double value : nats) score.nats += value;
    return score;
}

}  // namespace polyformer::model
