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

std::vector<model::Tensor> evaluate_texts(const model::Graph& graph, const Texts& texts, model::Functions functions,
                                          const model::Observer& observer, const OnProgress& on_progress) {
    std::vector<model::Tensor> outputs;
    std::size_t done = 0;
    for (std::size_t first = 0; first < texts.count();) {
        std::vector<model::Tensor> batch;
        std::size_t tokens = 0;
        for (; first < texts.count() && (batch.empty() || tokens + texts.tokens[first].size() <= kBatchTokens);
             ++first) {
            tokens += texts.tokens[first].size();
            batch.push_back(texts.embed(texts.tokens[first]));
        }
        std::vector<model::Tensor> results = model::evaluate_batch(graph, batch, functions, observer);
        std::ranges::move(results, std::back_inserter(outputs));
        done += tokens;
        if (on_progress) on_progress(done);
    }
    return outputs;
}

void pass(const std::string& title, const model::Graph& graph, const Texts& texts, bool quiet,
          const model::Observer& observer) {
    if (texts.count() == 0) return;
    Progress bar(title, static_cast<double>(texts.token_count()), quiet);
    evaluate_texts(graph, texts, model::Functions::exact, observer,
                   [&](std::size_t tokens) { bar.update(static_cast<double>(tokens)); });
    bar.finish();
}

}  // namespace polyformer::substitution
