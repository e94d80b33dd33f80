#include "polyformer/trainer/descent/perplexity.h"

#include <algorithm>
#include <cmath>

#include "polyformer/model/language/perplexity.h"
#include "polyformer/train/process/interruption.h"

namespace polyformer::train {

using torch::Tensor;

Quality evaluate(TransformerImpl& model, const PreparedText& text, std::size_t most_tokens) {
    const torch::NoGradGuard no_gradients;
    model.eval();
    const std::size_t predictions = std::min(most_tokens, text.ids.size());
    const std::size_t context = model.architecture.context;
    // The text follows an end of line, so that its first token is predicted from something.
    std::vector<std::int64_t> stream = {text.end_of_line};
    stream.insert(stream.end(), text.ids.begin(), text.ids.begin() + static_cast<std::ptrdiff_t>(predictions));
    const Tensor tokens = torch::tensor(stream);

    double nats = 0;
    const std::vector<model::Window> windows = model::sliding_windows(predictions, context, (context + 1) / 2);
    constexpr std::size_t batch = 32;
    for (std::size_t i = 0; i < windows.size();) {
        check_interruption();
        // Windows of one shape go together; only the first and the last differ.
        std::vector<Tensor> rows;
        const model::Window& like = windows[i];
        for (; i < windows.size() && rows.size() < batch && windows[i].length == like.length &&
               windows[i].first_scored == like.first_scored;
             ++i) {
            const auto begin = static_cast<std::int64_t>(windows[i].begin);
            rows.push_back(tokens.slice(0, begin, begin + static_cast<std::int64_t>(like.length) + 1));
        }
        const Tensor block = torch::stack(rows).to(model.device());  // (B, T + 1)
        const auto first = static_cast<std::int64_t>(like.first_scored);
        const Tensor logits = model.forward(block.slice(1, 0, -1)).slice(1, first).flatten(0, 1);
        nats += torch::nn::functional::cross_entropy(
                    logits, block.slice(1, first + 1).flatten(),
                    torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kSum))
                    .item<double>();
    }
    const double words =
        static_cast<double>(text.words) * static_cast<double>(predictions) / static_cast<double>(text.ids.size());
    return {nats / static_cast<double>(predictions), std::exp(nats / words)};
}

}  // namespace polyformer::train
