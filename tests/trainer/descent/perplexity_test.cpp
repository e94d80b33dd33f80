#include "polyformer/trainer/descent/perplexity.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/trainer/toy.h"

namespace polyformer::train {
namespace {

TEST(Evaluate, AModelWithoutAnOpinionHasTheVocabularyAsPerplexityPerToken) {
    Transformer model = toy_model(1);
    {
        const torch::NoGradGuard no_gradients;
        model->final_norm->weight.zero_();
        model->final_norm->bias.zero_();
    }
    const PreparedText text = toy_prepared(101);  // 50 words
    const Quality all = evaluate(*model, text, 1000);
    EXPECT_NEAR(all.nats_per_token, std::log(20.0), 1e-5);
    EXPECT_NEAR(all.perplexity_per_word, std::pow(20.0, 101.0 / 50), 1e-2);
    EXPECT_NEAR(evaluate(*model, text, 60).nats_per_token, std::log(20.0), 1e-5);
}

TEST(Evaluate, CountsEveryTokenOnceWithItsLikelihood) {
    // Summed by hand, window by window: context 8, stride 4.
    Transformer model = toy_model(2);
    PreparedText text = toy_prepared(14);
    text.end_of_line = 3;
    std::vector<std::int64_t> stream = {3};
    stream.insert(stream.end(), text.ids.begin(), text.ids.end());
    const torch::Tensor tokens = torch::tensor(stream);
    double nats = 0;
    const std::vector<std::vector<std::int64_t>> windows = {
        {0, 0, 8}, {4, 8, 12}, {6, 12, 14}};  // begin, scored from, to
    for (const auto& window : windows) {
        const torch::Tensor logits =
            torch::log_softmax(model->forward(tokens.slice(0, window[0], window[2]).unsqueeze(0)), -1)[0];
        for (std::int64_t at = window[1]; at < window[2]; ++at) {
            nats -= logits[at - window[0]][stream[static_cast<std::size_t>(at) + 1]].item<double>();
        }
    }
    EXPECT_NEAR(evaluate(*model, text, 1000).nats_per_token, nats / 14, 1e-5);
}

}  // namespace
}  // namespace polyformer::train
