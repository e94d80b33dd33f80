#include "polyformer/substitution/measurement/texts.h"

#include <algorithm>
#include <iterator>

#include "polyformer/support/system/progress.h"

namespace polyformer::substitution {
namespace {

constexpr std::size_t kBatchTokens = 1024;

}  // namespace

std::size_t Texts::token_count() const {
    std::size_t sum = 0;
    for (const auto& text : tokens) sum += text.size();
    return sum;
}

Texts Texts::part(std::size_t first, std::size_t count) const {
    const std::size_t begin = std::min(first, tokens.size());
    const std::size_t end = begin + std::min(count, tokens.size() - begin);
    return {{tokens.begin() + static_cast<std::ptrdiff_t>(begin), tokens.begin() + static_cast<std::ptrdiff_t>(end)},
            embed};
}

namespace {

/// evaluate(batch) for some thousand tokens of embedded texts at a time.
template <class Evaluate>
void for_each_batch(const Texts& texts, const OnProgress& on_progress, Evaluate evaluate) {
    std::size_t done = 0;
    for (std::size_t first = 0; first < texts.count();) {
        std::vector<model::Tensor> batch;
        std::size_t tokens = 0;
        for (; first < texts.count() && (batch.empty() || tokens + texts.tokens[first].size() <= kBatchTokens);
             ++first) {
            tokens += texts.tokens[first].size();
            batch.push_back(texts.embed(texts.tokens[first]));
        }
        evaluate(batch);
        done += tokens;
        if (on_progress) on_progress(done);
    }
}

}  // namespace

std::vector<model::Tensor> evaluate_texts(const model::Graph& graph, const Texts& texts, model::Functions functions,
                                          const model::Observer& observer, const OnProgress& on_progress) {
    std::vector<model::Tensor> outputs;
    for_each_batch(texts, on_progress, [&](std::span<const model::Tensor> batch) {
        std::vector<model::Tensor> results = model::evaluate_batch(graph, batch, functions, observer);
        std::ranges::move(results, std::back_inserter(outputs));
    });
    return outputs;
}

void observe_texts(const model::Graph& graph, const Texts& texts, model::Functions functions,
                   const model::Observer& observer, model::Sums sums, bool output, const OnProgress& on_progress) {
    for_each_batch(texts, on_progress, [&](std::span<const model::Tensor> batch) {
        model::ResumableEvaluation evaluation(graph, batch, functions, sums);
        evaluation.advance_to(
            graph.nodes.size() - (output ? 0 : 1),
            [&](model::NodeId id, const model::ResumableEvaluation::Values& values) { observer(id, values[id]); });
    });
}

void pass(const std::string& title, const model::Graph& graph, const Texts& texts, bool quiet,
          const model::Observer& observer, bool output) {
    if (texts.count() == 0) return;
    Progress bar(title, static_cast<double>(texts.token_count()), quiet);
    observe_texts(graph, texts, model::Functions::exact, observer, model::Sums::in_single, output,
                  [&](std::size_t tokens) { bar.update(static_cast<double>(tokens)); });
    bar.finish();
}

}  // namespace polyformer::substitution
