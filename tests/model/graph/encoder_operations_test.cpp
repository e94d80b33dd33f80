// The operations that softmax attention and norms behind the sum add to the graph: shapes, values, files.
#include <cmath>
#include <numeric>
#include <utility>

#include "polyformer/model/graph/fingerprint.h"
#include "polyformer/model/graph/graph.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/graph/graph_shapes.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/model/interpreter/operations.h"
#include "polyformer/model/interpreter/reference.h"
#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

/// Whole numbers in tenths, without a pattern that a mix-up of rows and columns would hide.
Matrix some_matrix(std::size_t rows, std::size_t columns, int seed) {
    Matrix matrix{rows, columns, std::vector<float>(rows * columns)};
    for (std::size_t i = 0; i < matrix.values.size(); ++i) {
        matrix.values[i] = static_cast<float>((static_cast<int>(i) * 7 + seed) % 11 - 5) / 10;
    }
    return matrix;
}

Apply exactly(NodeId input, const char* function) {
    return {.input = input, .polynomial = {.lower = -1, .upper = 1, .coefficients = {0}}, .replaces = function};
}

constexpr std::size_t kContext = 5;
constexpr std::size_t kHeads = 2;

/// softmax(QKᵀ)·V of two heads of width two over at most five tokens, whose exponentials are shifted; a residual; gamma
/// and beta; centred; the mean over tokens.
Graph encoder_graph() {
    Graph graph{.context = kContext, .width = 4, .vocabulary = 4, .nodes = {}};
    append(graph, "input", Input{});
    append(graph, "query", Linear{0, some_matrix(4, 4, 1), {}});
    append(graph, "key", Linear{0, some_matrix(4, 4, 2), {}});
    append(graph, "value", Linear{0, some_matrix(4, 4, 3), {}});
    append(graph, "shift", Linear{0, some_matrix(4, kHeads, 4), {0.5F, -0.25F}});
    append(graph, "scores", AttentionScores{.query = 1, .key = 2, .heads = kHeads, .scale = 0.75});
    append(graph, "shifted", ShiftScores{.scores = 5, .shift = 4});
    append(graph, "weights", exactly(6, "exp"));
    append(graph, "values", AttentionValues{.scores = 7, .value = 3, .heads = kHeads, .causal = false, .mask = {}});
    append(graph, "sums", AttentionSums{.scores = 7, .heads = kHeads, .causal = false});
    append(graph, "inverse", exactly(9, "reciprocal"));
    append(graph, "mixed", Multiply{8, 10});
    append(graph, "stream", ScaleFeatures{.input = 0, .factors = {1, 2, -1, 0.5F}, .bias = {0.1F, 0, 0, -0.2F}});
    append(graph, "centred", Centre{12});
    append(graph, "residual", Add{13, 11});
    append(graph, "pooling", TokenMean{14});
    return graph;
}

Tensor some_text(std::size_t tokens) {
    Tensor text{tokens, 4, std::vector<double>(tokens * 4)};
    for (std::size_t i = 0; i < text.values.size(); ++i) text.values[i] = std::sin(1.0 + static_cast<double>(3 * i));
    return text;
}

/// (T, columns)
Tensor product(const Tensor& x, const Matrix& weight) {
    Tensor y{x.rows, weight.columns, std::vector<double>(x.rows * weight.columns)};
    for (std::size_t t = 0; t < x.rows; ++t) {
        for (std::size_t i = 0; i < weight.rows; ++i) {
            for (std::size_t j = 0; j < weight.columns; ++j) {
                y.at(t, j) += x.at(t, i) * static_cast<double>(weight.values[i * weight.columns + j]);
            }
        }
    }
    return y;
}

/// The pooled row, straight from the definitions; softmax has no shift.
std::vector<double> expected_row(const Tensor& text) {
    const Tensor query = product(text, some_matrix(4, 4, 1));
    const Tensor key = product(text, some_matrix(4, 4, 2));
    const Tensor value = product(text, some_matrix(4, 4, 3));
    const std::vector<double> gamma{1, 2, -1, 0.5};
    const std::vector<double> beta{static_cast<double>(0.1F), 0, 0, static_cast<double>(-0.2F)};
    std::vector<double> pooled(4);
    for (std::size_t q = 0; q < text.rows; ++q) {
        std::vector<double> stream(4);
        for (std::size_t j = 0; j < 4; ++j) stream[j] = gamma[j] * text.at(q, j) + beta[j];
        const double mean = std::accumulate(stream.begin(), stream.end(), 0.0) / 4;
        for (std::size_t j = 0; j < 4; ++j) {
            const std::size_t head = j / 2;
            double sum = 0;
            double weighted = 0;
            for (std::size_t k = 0; k < text.rows; ++k) {
                const double score =
                    query.at(q, 2 * head) * key.at(k, 2 * head) + query.at(q, 2 * head + 1) * key.at(k, 2 * head + 1);
                sum += std::exp(0.75 * score);
                weighted += std::exp(0.75 * score) * value.at(k, j);
            }
            pooled[j] += (stream[j] - mean + weighted / sum) / static_cast<double>(text.rows);
        }
    }
    return pooled;
}

template <class Operation>
Operation& operation(Graph& graph, NodeId id) {
    return std::get<Operation>(graph.nodes[id].operation);
}

template <class Change>
void expect_invalid(const Change& change, const std::vector<std::string>& parts) {
    Graph graph = encoder_graph();
    change(graph);
    expect_error<Error>([&] { validate(graph); }, parts);
}

TEST(EncoderOperations, ShapesFollow) {
    const Graph graph = encoder_graph();
    EXPECT_NO_THROW(validate(graph));
    const std::vector<Shape> shapes = shapes_of(graph);
    EXPECT_EQ(shapes[6], (Shape{true, kHeads, kContext, kContext}));
    EXPECT_EQ(shapes[9], (Shape{false, kHeads, kContext}));
    EXPECT_EQ(shapes[11], (Shape{false, 4, kContext}));
    EXPECT_EQ(shapes[15], (Shape{false, 4, 1}));
}

TEST(EncoderOperations, SoftmaxIsWhatTheDefinitionSays) {
    const Graph graph = encoder_graph();
    EXPECT_TRUE(takes_shorter_inputs(graph));
    for (std::size_t tokens = 1; tokens <= kContext; ++tokens) {
        const Tensor text = some_text(tokens);
        const std::vector<double> expected = expected_row(text);
        const Tensor found = evaluate_exact(graph, text);
        ASSERT_EQ(found.values.size(), 4U);
        for (std::size_t j = 0; j < 4; ++j) EXPECT_NEAR(found.values[j], expected[j], 1e-12) << tokens << ", " << j;
    }
}

TEST(EncoderOperations, ABatchGivesWhatItsTextsGive) {
    const Graph graph = encoder_graph();
    std::vector<Tensor> texts;
    for (std::size_t tokens = 1; tokens <= kContext; ++tokens) texts.push_back(some_text(tokens));
    std::vector<NodeId> seen;
    const std::vector<Tensor> together =
        evaluate_batch(graph, texts, Functions::exact, [&](NodeId id, std::span<const Tensor> values) {
            seen.push_back(id);
            ASSERT_EQ(values.size(), texts.size());
            if (id == 9) {
                EXPECT_EQ(values[2].rows, 3U);
            }
        });
    ASSERT_EQ(seen.size(), graph.nodes.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
        EXPECT_EQ(together[i].values, evaluate_exact(graph, texts[i]).values);
        EXPECT_EQ(evaluate_batch(graph, texts, Functions::polynomials)[i].values,
                  evaluate(graph, texts[i]).logits.values);
    }
    EXPECT_TRUE(evaluate_batch(graph, {}, Functions::exact).empty());
}

TEST(EncoderOperations, MasksWeighKeys) {
    Graph graph = encoder_graph();
    Matrix mask{kHeads * kContext, kContext, std::vector<float>(kHeads * kContext * kContext)};
    for (std::size_t row = 0; row < mask.rows; ++row) {
        for (std::size_t key = 0; key < kContext; ++key) {
            // Each query sees the first key only, at a weight that must not matter once it is normalised.
            mask.values[row * kContext + key] = key == 0 ? 0.5F : 0.0F;
        }
    }
    operation<AttentionValues>(graph, 8).mask = mask;
    operation<AttentionSums>(graph, 9).mask = std::move(mask);
    const Tensor text = some_text(4);
    const Tensor value = product(text, some_matrix(4, 4, 3));
    const std::vector<Tensor> texts{text};
    evaluate_batch(graph, texts, Functions::exact, [&](NodeId id, std::span<const Tensor> values) {
        if (id != 11) return;
        for (std::size_t t = 0; t < 4; ++t) {
            for (std::size_t j = 0; j < 4; ++j) EXPECT_NEAR(values[0].at(t, j), value.at(0, j), 1e-12);
        }
    });
}

TEST(EncoderOperations, CausalSumsEndAtTheQuery) {
    Graph graph = encoder_graph();
    operation<AttentionValues>(graph, 8).causal = true;
    operation<AttentionSums>(graph, 9).causal = true;
    const std::vector<Tensor> texts{some_text(3)};
    Tensor weights;
    evaluate_batch(graph, texts, Functions::exact, [&](NodeId id, std::span<const Tensor> values) {
        if (id == 7) weights = values[0];
        if (id != 9) return;
        EXPECT_DOUBLE_EQ(values[0].at(0, 1), weights.at(3, 0));
        EXPECT_DOUBLE_EQ(values[0].at(1, 0), weights.at(1, 0) + weights.at(1, 1));
    });
}

TEST(EncoderOperations, OneTokenMayStandForTheText) {
    Graph graph = encoder_graph();
    graph.nodes.back().operation = SelectToken{14, 0};
    const std::vector<Tensor> texts{some_text(3)};
    Tensor residual;
    const std::vector<Tensor> found =
        evaluate_batch(graph, texts, Functions::exact, [&](NodeId id, std::span<const Tensor> values) {
            if (id == 14) residual = values[0];
        });
    EXPECT_EQ(found[0].values, std::vector<double>(residual.values.begin(), residual.values.begin() + 4));
    graph.nodes.back().operation = SelectToken{14, 2};
    EXPECT_FALSE(takes_shorter_inputs(graph));
    graph.nodes.back().operation = SelectToken{14, 5};
    expect_error<Error>([&] { validate(graph); }, {"'pooling'", "no token 5", "0 to 4"});
}

TEST(EncoderOperations, WhatDoesNotFitIsRefused) {
    expect_invalid([](Graph& g) { operation<ScaleFeatures>(g, 12).factors.pop_back(); },
                   {"'stream'", "3 factors", "4 features"});
    expect_invalid([](Graph& g) { operation<ScaleFeatures>(g, 12).bias.pop_back(); }, {"'stream'", "3 entries"});
    expect_invalid([](Graph& g) { operation<ScaleFeatures>(g, 12).factors[1] = NAN; }, {"'stream'", "nan at index 1"});
    expect_invalid([](Graph& g) { operation<ScaleFeatures>(g, 12).bias[2] = INFINITY; }, {"'stream'", "index 2"});
    expect_invalid([](Graph& g) { operation<ShiftScores>(g, 6).shift = 3; }, {"'shifted'", "'value' is (5, 4)"});
    expect_invalid([](Graph& g) { operation<ShiftScores>(g, 6).scores = 4; }, {"'shifted'", "(5, 2)"});
    expect_invalid([](Graph& g) { operation<AttentionSums>(g, 9).scores = 3; }, {"'sums'", "scores of 2 heads"});
    expect_invalid([](Graph& g) { operation<AttentionSums>(g, 9).heads = 4; }, {"'sums'", "scores of 4 heads"});
    expect_invalid(
        [](Graph& g) {
            operation<AttentionSums>(g, 9).mask = Matrix{2, 2, std::vector<float>(4)};
        },
        {"'sums'", "mask is (2, 2)", "(10, 5) is needed"});
    expect_invalid(
        [](Graph& g) {
            operation<AttentionSums>(g, 9).causal = true;
            operation<AttentionSums>(g, 9).mask = unit_mask(kHeads, kContext, false);
        },
        {"'sums'", "causal"});
    expect_invalid(
        [](Graph& g) {
            operation<Linear>(g, 4).weight = some_matrix(4, 3, 1);
            operation<Linear>(g, 4).bias.clear();
            g.nodes[6].operation = Multiply{3, 4};
        },
        {"cannot multiply (5, 4)", "(5, 3)", "divisor"});
}

TEST(EncoderOperations, SurviveTheFiles) {
    for (const bool masked : {false, true}) {
        Graph graph = encoder_graph();
        if (masked) {
            operation<AttentionValues>(graph, 8).mask = unit_mask(kHeads, kContext, false);
            operation<AttentionSums>(graph, 9).mask = unit_mask(kHeads, kContext, false);
            operation<ScaleFeatures>(graph, 12).bias.clear();
        }
        const ScratchDirectory directory;
        save_graph(graph, directory.path());
        EXPECT_EQ(fingerprint(load_graph(directory.path())), fingerprint(graph));
    }
}

TEST(EncoderOperations, FingerprintSeesEveryPart) {
    const std::string original = fingerprint(encoder_graph());
    const auto changed = [&](auto change) {
        Graph graph = encoder_graph();
        change(graph);
        return fingerprint(graph) != original;
    };
    EXPECT_TRUE(changed([](Graph& g) { operation<ScaleFeatures>(g, 12).factors[0] = 3; }));
    EXPECT_TRUE(changed([](Graph& g) { operation<ScaleFeatures>(g, 12).bias[0] = 3; }));
    EXPECT_TRUE(changed([](Graph& g) { operation<AttentionSums>(g, 9).causal = true; }));
    EXPECT_TRUE(changed([](Graph& g) { operation<AttentionSums>(g, 9).mask = unit_mask(2, 5, false); }));
    EXPECT_TRUE(changed([](Graph& g) { operation<AttentionValues>(g, 8).mask = unit_mask(2, 5, false); }));
    EXPECT_TRUE(changed([](Graph& g) { g.nodes[15].operation = SelectToken{14, 0}; }));
    EXPECT_TRUE(changed([](Graph& g) { g.nodes[13].operation = TokenMean{12}; }));
}

}  // namespace
}  // namespace polyformer::model
