#include "polyformer/trainer/conversion/stability.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "polyformer/support/shuffle.h"
#include "polyformer/trainer/batches/examples.h"
#include "polyformer/trainer/descent/loss.h"
#include "polyformer/trainer/statistics/excursions.h"

namespace polyformer::train {
namespace {

using Json = nlohmann::ordered_json;
using torch::Tensor;
using Sequence = std::vector<std::int64_t>;

constexpr std::int64_t batch = 32;
constexpr std::int64_t batches = 8;

struct Input {
    std::string name;
    std::int64_t length;                               // tokens read in one piece
    std::function<Sequence(std::int64_t row)> tokens;  // length + 1 of them
};

std::vector<Batch> blocks_of(const Input& input) {
    std::vector<Batch> blocks;
    for (std::int64_t b = 0; b < batches; ++b) {
        std::vector<Tensor> rows;
        for (std::int64_t row = 0; row < batch; ++row) rows.push_back(torch::tensor(input.tokens(b * batch + row)));
        const Tensor tokens = torch::stack(rows);
        blocks.push_back({tokens.slice(1, 0, -1), tokens.slice(1, 1)});
    }
    return blocks;
}

}  // namespace

Json measure_stability(TransformerImpl& model, const PreparedText& text, std::uint64_t seed) {
    const auto context = static_cast<std::int64_t>(model.architecture.context);
    const std::uint64_t vocabulary = text.vocabulary;
    const auto windows =
        static_cast<std::uint64_t>(std::max<std::int64_t>(1, static_cast<std::int64_t>(text.ids.size()) - context - 1));
    const auto from_text = [&](std::int64_t row, std::int64_t length) {
        const std::uint64_t begin = mix(seed, static_cast<std::uint64_t>(row)) % windows;
        Sequence tokens;
        for (std::int64_t i = 0; i <= length; ++i) tokens.push_back(text.ids[begin + static_cast<std::uint64_t>(i)]);
        return tokens;
    };
    const auto random_token = [&](std::int64_t row, std::int64_t i) {
        return static_cast<std::int64_t>(
            mix(mix(seed, 1000 + static_cast<std::uint64_t>(row)), static_cast<std::uint64_t>(i)) % vocabulary);
    };
    const auto generate = [&](std::int64_t length, const std::function<std::int64_t(std::int64_t)>& token) {
        Sequence tokens;
        for (std::int64_t i = 0; i <= length; ++i) tokens.push_back(token(i));
        return tokens;
    };
    const std::vector<Input> inputs = {
        {"test text, longest context", context, [&](std::int64_t row) { return from_text(row, context); }},
        {"test text, one token", 1, [&](std::int64_t row) { return from_text(row, 1); }},
        {"test text, shuffled", context,
         [&](std::int64_t row) {
             Sequence tokens = from_text(row, context);
             std::mt19937_64 random(mix(seed, static_cast<std::uint64_t>(row)));
             shuffle(std::span(tokens), random);
             return tokens;
         }},
        {"test text, backwards", context,
         [&](std::int64_t row) {
             Sequence tokens = from_text(row, context);
             std::reverse(tokens.begin(), tokens.end());
             return tokens;
         }},
        {"random tokens", context,
         [&](std::int64_t row) { return generate(context, [&](std::int64_t i) { return random_token(row, i); }); }},
        {"one token repeated", context,
         [&](std::int64_t row) { return generate(context, [&](std::int64_t) { return random_token(row, 0); }); }},
        {"two tokens in turn", context,
         [&](std::int64_t row) { return generate(context, [&](std::int64_t i) { return random_token(row, i % 2); }); }},
    };

    model.eval();
    Json list = Json::array();
    for (const Input& input : inputs) {
        const std::vector<Batch> blocks = blocks_of(input);
        Json entry = {{"input", input.name}, {"tokens", batches * batch * input.length}};
        std::vector<Tensor> read;
        for (const Batch& block : blocks) read.push_back(block.input.to(model.device()));
        entry.update(measure_excursions(model, read));
        entry["perplexity_polynomial"] = std::exp(mean_loss(model, blocks));
        const ScopedSwitch exact(model.polynomials, false);
        entry["perplexity_exact"] = std::exp(mean_loss(model, blocks));
        list.push_back(std::move(entry));
    }
    return list;
}

}  // namespace polyformer::train
