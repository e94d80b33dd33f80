#include "polyformer/model/language/perplexity.h"

#include <gtest/gtest.h>

#include <cmath>

#include "polyformer/model/builders/random_model.h"
#include "polyformer/model/interpreter/reference.h"
#include "polyformer/model/language/ngram.h"
#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

void write_lines(const std::filesystem::path& file, const std::string& text) {
    std::ofstream(file) << text;
}

TEST(SlidingWindows, ScoreEveryPredictionOnceWithEnoughContext) {
    for (const std::size_t predictions : {1U, 7U, 8U, 9U, 30U, 33U}) {
        for (const std::size_t stride : {1U, 4U, 8U}) {
            std::size_t next = 0;
            for (const Window& window : sliding_windows(predictions, 8, stride)) {
                EXPECT_EQ(window.begin + window.first_scored, next);
                EXPECT_LE(window.length, 8U);
                EXPECT_TRUE(next == 0 || window.first_scored >= 8 - stride);
                next = window.begin + window.length;
            }
            EXPECT_EQ(next, predictions);
        }
    }
    EXPECT_THROW(sliding_windows(10, 8, 9), Error);
    EXPECT_THROW(sliding_windows(10, 8, 0), Error);
}

TEST(Perplexity, IsPerWord) {
    EXPECT_NEAR(perplexity_per_word(std::log(8.0) * 3, 3), 8, 1e-12);
    EXPECT_THROW(perplexity_per_word(1, 0), Error);
}

TEST(Perplexity, LikelihoodByHand) {
    // Probabilities 1/2, 1/4, 1/4, then 1/8, 1/8, 3/4.
    const Tensor logits{2, 3, {std::log(2.0), 0, 0, 5, 5, 5 + std::log(6.0)}};
    const std::vector<std::int32_t> ids = {0, 1, 2};
    EXPECT_NEAR(negative_log_likelihood(logits, ids, 0), std::log(4.0) - std::log(0.75), 1e-12);
    EXPECT_NEAR(negative_log_likelihood(logits, ids, 1), -std::log(0.75), 1e-12);
}

TEST(ScoreText, SumsWindowsAndIntervals) {
    const Transformer model = random_model(
        {.layers = 1, .width = 16, .heads = 2, .context = 8, .feed_forward = 32, .vocabulary = 20, .seed = 3});
    const std::vector<std::int32_t> ids = {4, 8, 15, 16, 2, 3, 4, 2, 10, 11, 12};
    const TextScore score = score_text([&](const Tensor& embedded) { return evaluate(model.graph, embedded); },
                                       model.embedding, ids, 1, 4, [](double) {});
    std::vector<std::int32_t> stream = {1};
    stream.insert(stream.end(), ids.begin(), ids.end());
    double nats = 0;
    std::size_t values = 0;
    // begin, length, first scored: windows of 8 tokens, 4 apart, the last one moved back to the end.
    for (const auto& [begin, length, first] : {Window{0, 8, 0}, Window{3, 8, 5}}) {
        const auto tokens = std::span(stream).subspan(begin, length + 1);
        const Evaluation evaluation = evaluate(model.graph, model.embedding.embed(tokens.first(length)));
        nats += negative_log_likelihood(evaluation.logits, tokens, first);
        values += evaluation.intervals[1].values;
    }
    EXPECT_NEAR(score.nats, nats, 1e-9);
    EXPECT_EQ(score.intervals[1].values, values);
}

TEST(EvaluateExact, UsesTheFunctionThatAPolynomialReplaces) {
    Graph graph{.context = 4, .width = 2, .vocabulary = 2, .nodes = {}};
    const auto add = [&](const char* name, NodeId input, Polynomial polynomial, const char* replaces) {
        Apply apply;
        apply.input = input;
        apply.polynomial = std::move(polynomial);
        apply.replaces = replaces;
        append(graph, name, std::move(apply));
    };
    append(graph, "input", Input{});
    add("gelu", 0, {-4, 4, {1, 2, 3}}, "gelu");
    add("kept", 1, {-1, 1, {0, 2}}, "");
    const Tensor result = evaluate_exact(graph, {1, 2, {1.0, -2.0}});
    EXPECT_NEAR(result.at(0, 0), 2 * 0.8413447460685429, 1e-12);     // 2·Φ(1)
    EXPECT_NEAR(result.at(0, 1), -4 * 0.022750131948179212, 1e-12);  // −4·Φ(−2)
    const auto replace = [&](const char* name) { std::get<Apply>(graph.nodes[1].operation).replaces = name; };
    const auto twice = [&](const char* name, double x) {
        replace(name);
        return evaluate_exact(graph, {1, 2, {x, 4.0}}).at(0, 0);
    };
    EXPECT_NEAR(twice("relu", -0.5), 0, 0);
    EXPECT_NEAR(twice("relu", 0.75), 1.5, 1e-12);
    EXPECT_NEAR(twice("squared_relu", -3), 0, 0);
    EXPECT_NEAR(twice("squared_relu", 3), 18, 1e-12);
    EXPECT_NEAR(twice("square", -3), 18, 1e-12);
    EXPECT_NEAR(twice("sigmoid", std::log(3.0)), 1.5, 1e-12);
    EXPECT_NEAR(twice("silu", std::log(3.0)), 1.5 * std::log(3.0), 1e-12);
    EXPECT_NEAR(twice("tanh", std::log(2.0)), 1.2, 1e-12);
    EXPECT_NEAR(twice("inverse_sqrt", 16), 0.5, 1e-12);
    replace("no such function");
    expect_error<Error>(
        [&] {
            evaluate_exact(graph, {1, 2, {1.0, -2.0}});
        },
        {"'gelu'", "'no such function'", "squared_relu", "inverse_sqrt"});
    EXPECT_THROW(evaluate_exact(graph, {5, 2, std::vector<double>(10)}), Error);
}

TEST(Ngram, ByHand) {
    NgramModel model;
    model.learn("a b a b");
    model.learn("a");
    // Words: a ×3, b ×2, end of line ×2; N = 7, V = 3.
    EXPECT_NEAR(model.unigram("a"), 4.0 / 11, 1e-12);
    EXPECT_NEAR(model.unigram("unseen"), 1.0 / 11, 1e-12);
    // Pairs: end→a 2 (the text starts after an end), a→b 2, b→a 1, b→end 1, a→end 1.
    EXPECT_NEAR(model.bigram("a", "b", 0.5), 0.5 * 2 / 3 + 0.5 * 3 / 11, 1e-12);
    EXPECT_NEAR(model.bigram("b", "b", 0.5), 0.5 * 3 / 11, 1e-12);
    EXPECT_NEAR(model.bigram("unseen", "b", 0.5), 3.0 / 11, 1e-12);
}

TEST(Ngram, PerplexityByHand) {
    const ScratchDirectory directory;
    write_lines(directory.path() / "train", " a b \n");
    write_lines(directory.path() / "valid", " a b \n");
    write_lines(directory.path() / "test", " b \n");
    const NgramPerplexity result =
        ngram_perplexity(directory.path() / "train", directory.path() / "valid", directory.path() / "test");
    EXPECT_EQ(result.words, 2U);
    EXPECT_NEAR(result.unigram, 7.0 / 2, 1e-9);  // each of the words: (1 + 1) / (3 + 3 + 1)
    EXPECT_DOUBLE_EQ(result.bigram_weight, 0.9);
    // b never follows an end of line; the end always follows b.
    EXPECT_NEAR(result.bigram, 1 / std::sqrt(0.1 * 2 / 7 * (0.9 + 0.1 * 2 / 7)), 1e-9);
}

}  // namespace
}  // namespace polyformer::model
