#include "polyformer/tasks/text_answers.h"

#include <algorithm>
#include <numeric>

#include "polyformer/model/interpreter/interval_report.h"
#include "polyformer/model/interpreter/interval_watch.h"

namespace polyformer::tasks {

namespace {

/// Enough that weights are fetched for many tokens; the values of a layer of BERT's size then take some 100 MB.
constexpr std::size_t kTokensAtATime = 4096;

}  // namespace

TextAnswers answer_texts(const model::Graph& graph, std::span<const std::string> texts, const Embed& embed,
                         model::Functions functions, const std::function<void(double)>& progress) {
    std::vector<std::size_t> bytes;
    for (const std::string& text : texts) bytes.push_back(text.size());
    return answer_inputs(
        graph, bytes, [&](std::size_t i) { return embed(texts[i]); }, functions, progress);
}

TextAnswers answer_inputs(const model::Graph& graph, std::span<const std::size_t> sizes,
                          const std::function<model::Tensor(std::size_t)>& embed, model::Functions functions,
                          const std::function<void(double)>& progress) {
    // By length, of which that in bytes is near enough: scores of a batch then take little more than they must.
    std::vector<std::size_t> order(sizes.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return sizes[i]; });

    TextAnswers answers;
    answers.logits.resize(sizes.size());
    for (std::size_t first = 0; first < order.size();) {
        std::vector<model::Tensor> batch;
        std::size_t tokens = 0;
        std::size_t end = first;
        while (end < order.size() && tokens < kTokensAtATime) {
            batch.push_back(embed(order[end++]));
            tokens += batch.back().rows;
        }
        const bool watches = functions == model::Functions::polynomials;
        model::IntervalWatch watch(graph, batch.size());
        std::vector<model::Tensor> logits =
            model::evaluate_batch(graph, batch, functions, watches ? watch.observer() : model::Observer{});
        for (std::size_t i = first; i < end; ++i) answers.logits[order[i]] = std::move(logits[i - first]);
        if (watches) {
            model::merge(answers.intervals, watch.reports());
            answers.texts_outside += watch.texts_outside();
        }
        first = end;
        if (progress) progress(static_cast<double>(end) / static_cast<double>(order.size()));
    }
    return answers;
}

}  // namespace polyformer::tasks
