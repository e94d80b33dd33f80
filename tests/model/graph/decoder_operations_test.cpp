// The operations that decoders add to the graph: rotary positions, grouped keys and values, sums of heads and features.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "polyformer/model/graph/fingerprint.h"
#include "polyformer/model/graph/graph.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/graph/graph_json.h"
#include "polyformer/model/graph/graph_shapes.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/model/interpreter/reference.h"
#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

constexpr std::size_t kContext = 5;
constexpr std::size_t kHeads = 4;
constexpr std::size_t kGroups = 2;  ///< heads of keys and values
constexpr std::size_t kHeadWidth = 4;
constexpr std::size_t kWidth = kHeads * kHeadWidth;

/// Whole numbers in tenths, without a pattern that a mix-up of rows and columns would hide.
Matrix some_matrix(std::size_t rows, std::size_t columns, int seed) {
    Matrix matrix{rows, columns, std::vector<float>(rows * columns)};
    for (std::size_t i = 0; i < matrix.values.size(); ++i) {
        matrix.values[i] = static_cast<float>((static_cast<int>(i) * 7 + seed) % 11 - 5) / 10;
    }
    return matrix;
}

/// A causal attention of four heads that share two of keys and values, with rotary positions, each head's weights
/// shifted by a number of its own.
Graph decoder_graph() {
    Graph graph{.context = kContext, .width = kWidth, .vocabulary = kWidth, .nodes = {}};
    append(graph, "input", Input{});
    append(graph, "query", RotateFeatures{0, kHeads, some_matrix(kContext, kHeadWidth / 2, 1)});
    append(graph, "key", Linear{0, some_matrix(kWidth, kGroups * kHeadWidth, 2), {}});
    append(graph, "key_rotated", RotateFeatures{2, kGroups, some_matrix(kContext, kHeadWidth / 2, 1)});
    append(graph, "value", Linear{0, some_matrix(kWidth, kGroups * kHeadWidth, 3), {}});
    append(graph, "scores", AttentionScores{.query = 1, .key = 3, .heads = kHeads, .scale = 0.5, .key_heads = kGroups});
    append(
        graph, "values",
        AttentionValues{.scores = 5, .value = 4, .heads = kHeads, .causal = true, .mask = {}, .value_heads = kGroups});
    append(graph, "shift", Linear{0, some_matrix(kWidth, kHeads, 4), {}});
    append(graph, "shifted", Add{6, 7});
    return graph;
}

Tensor some_text(std::size_t tokens) {
    Tensor text{tokens, kWidth, std::vector<double>(tokens * kWidth)};
    for (std::size_t i = 0; i < text.values.size(); ++i) text.values[i] = std::sin(1.0 + static_cast<double>(3 * i));
    return text;
}

double product(const Tensor& x, std::size_t t, const Matrix& weight, std::size_t column) {
    double sum = 0;
    for (std::size_t i = 0; i < weight.rows; ++i) {
        sum += x.at(t, i) * static_cast<double>(weight.values[i * weight.columns + column]);
    }
    return sum;
}

/// Element j of a head that was turned as the definition says, by complex numbers.
double turned(double first, double second, double angle, bool is_second) {
    return is_second ? std::sin(angle) * first + std::cos(angle) * second
                     : std::cos(angle) * first - std::sin(angle) * second;
}

template <class Change>
void expect_invalid(const Change& change, const std::vector<std::string>& parts) {
    Graph graph = decoder_graph();
    change(graph);
    expect_error<Error>([&] { validate(graph); }, parts);
}

template <class Operation>
Operation& operation(Graph& graph, NodeId id) {
    return std::get<Operation>(graph.nodes[id].operation);
}

TEST(DecoderOperations, ShapesFollow) {
    const Graph graph = decoder_graph();
    EXPECT_NO_THROW(validate(graph));
    EXPECT_TRUE(takes_shorter_inputs(graph));
    const std::vector<Shape> shapes = shapes_of(graph);
    EXPECT_EQ(shapes[3], (Shape{false, kGroups * kHeadWidth, kContext}));
    EXPECT_EQ(shapes[5], (Shape{true, kHeads, kContext, kContext}));
    EXPECT_EQ(shapes[6], (Shape{false, kWidth, kContext}));
    EXPECT_EQ(shapes[8], (Shape{false, kWidth, kContext}));
}

TEST(DecoderOperations, GiveWhatTheDefinitionsSay) {
    const Graph graph = decoder_graph();
    const Matrix angles = some_matrix(kContext, kHeadWidth / 2, 1);
    const auto angle = [&](std::size_t t, std::size_t j) {
        return static_cast<double>(angles.values[t * angles.columns + j % angles.columns]);
    };
    for (const std::size_t tokens : {kContext, kContext - 2}) {
        const Tensor text = some_text(tokens);
        const auto query = [&](std::size_t t, std::size_t head, std::size_t j) {
            const std::size_t pair = head * kHeadWidth + j % 2;
            return turned(text.at(t, pair), text.at(t, pair + 2), angle(t, j), j >= 2);
        };
        const auto key = [&](std::size_t t, std::size_t head, std::size_t j) {
            const Matrix weight = some_matrix(kWidth, kGroups * kHeadWidth, 2);
            const std::size_t pair = head / 2 * kHeadWidth + j % 2;
            return turned(product(text, t, weight, pair), product(text, t, weight, pair + 2), angle(t, j), j >= 2);
        };
        const Tensor found = evaluate(graph, text).logits;
        for (std::size_t q = 0; q < tokens; ++q) {
            for (std::size_t feature = 0; feature < kWidth; ++feature) {
                const std::size_t head = feature / kHeadWidth;
                double expected = product(text, q, some_matrix(kWidth, kHeads, 4), head);
                for (std::size_t k = 0; k <= q; ++k) {
                    double score = 0;
                    for (std::size_t j = 0; j < kHeadWidth; ++j) score += query(q, head, j) * key(k, head, j) / 2;
                    expected += score * product(text, k, some_matrix(kWidth, kGroups * kHeadWidth, 3),
                                                head / 2 * kHeadWidth + feature % kHeadWidth);
                }
                EXPECT_NEAR(found.at(q, feature), expected, 1e-12) << q << ", " << feature;
            }
        }
    }
}

TEST(DecoderOperations, ABatchGivesWhatItsTextsGive) {
    const Graph graph = decoder_graph();
    const std::vector<Tensor> texts{some_text(2), some_text(kContext), some_text(1)};
    const std::vector<Tensor> together = evaluate_batch(graph, texts, Functions::exact);
    for (std::size_t i = 0; i < texts.size(); ++i) {
        EXPECT_EQ(together[i].values, evaluate_exact(graph, texts[i]).values);
    }
}

TEST(DecoderOperations, WhatDoesNotFitIsRefused) {
    expect_invalid([](Graph& g) { operation<RotateFeatures>(g, 1).angles = some_matrix(kContext, kHeadWidth, 1); },
                   {"'query'", "angles is (5, 4)", "(5, 2) is needed"});
    expect_invalid([](Graph& g) { operation<RotateFeatures>(g, 1).angles.values[3] = NAN; },
                   {"'query'", "angles", "nan at index 3"});
    expect_invalid([](Graph& g) { operation<RotateFeatures>(g, 1).heads = 16; }, {"'query'", "16 heads of pairs"});
    expect_invalid([](Graph& g) { operation<RotateFeatures>(g, 1).heads = 0; }, {"'query'", "0 heads"});
    expect_invalid([](Graph& g) { operation<AttentionScores>(g, 5).key_heads = 3; }, {"'scores'", "4 heads", "3"});
    expect_invalid([](Graph& g) { operation<AttentionScores>(g, 5).key_heads = 0; },
                   {"'scores'", "(5, 16)", "(5, 8)", "alike"});
    expect_invalid([](Graph& g) { operation<AttentionScores>(g, 5).key_heads = 1; }, {"'scores'", "(5, 8)"});
    expect_invalid([](Graph& g) { operation<AttentionValues>(g, 6).value_heads = 3; }, {"'values'", "3 heads"});
    expect_invalid([](Graph& g) { operation<AttentionValues>(g, 6).value_heads = 1; },
                   {"'shifted'", "(5, 32)"});  // one block of eight features for all
    expect_invalid([](Graph& g) { operation<Add>(g, 8).left = 5; }, {"'shifted'", "cannot add scores", "(5, 4)"});
    expect_invalid([](Graph& g) { operation<Linear>(g, 7).weight = some_matrix(kWidth, 3, 4); },
                   {"'shifted'", "(5, 3)", "divisor"});
}

TEST(DecoderOperations, SurviveTheFiles) {
    const Graph graph = decoder_graph();
    const ScratchDirectory directory;
    save_graph(graph, directory.path());
    const Graph found = load_graph(directory.path());
    EXPECT_EQ(fingerprint(found), fingerprint(graph));
    EXPECT_EQ(evaluate(found, some_text(3)).logits.values, evaluate(graph, some_text(3)).logits.values);
}

TEST(DecoderOperations, FilesOfVersionFourHaveNoGroups) {
    Graph graph = decoder_graph();
    graph.nodes = {};
    append(graph, "input", Input{});
    append(graph, "scores", AttentionScores{.query = 0, .key = 0, .heads = kHeads, .scale = 0.5});
    append(graph, "values", AttentionValues{.scores = 1, .value = 0, .heads = kHeads, .causal = true, .mask = {}});
    auto document = nlohmann::json::parse(graph_to_json(graph));
    EXPECT_EQ(document["version"], 6);
    document["version"] = 4;
    expect_error<FormatError>([&] { graph_from_json(document.dump(), {}, "graph"); }, {"graph", "key_heads"});
    document["nodes"][1].erase("key_heads");
    document["nodes"][2].erase("averages");
    document["nodes"][2].erase("value_heads");
    EXPECT_EQ(fingerprint(graph_from_json(document.dump(), {}, "graph")), fingerprint(graph));
}

TEST(DecoderOperations, FingerprintSeesEveryPart) {
    const std::string original = fingerprint(decoder_graph());
    const auto changed = [&](auto change) {
        Graph graph = decoder_graph();
        change(graph);
        return fingerprint(graph) != original;
    };
    EXPECT_TRUE(changed([](Graph& g) { operation<RotateFeatures>(g, 1).angles.values[0] = 3; }));
    EXPECT_TRUE(changed([](Graph& g) { operation<RotateFeatures>(g, 1).heads = 2; }));
    EXPECT_TRUE(changed([](Graph& g) { operation<AttentionScores>(g, 5).key_heads = 1; }));
    EXPECT_TRUE(changed([](Graph& g) { operation<AttentionScores>(g, 5).key_heads = 0; }));
    EXPECT_TRUE(changed([](Graph& g) { operation<AttentionValues>(g, 6).value_heads = 1; }));
    EXPECT_TRUE(changed([](Graph& g) { operation<AttentionScores>(g, 5).scale = 1; }));
    EXPECT_TRUE(changed([](Graph& g) { operation<AttentionValues>(g, 6).averages = true; }));
}

TEST(AttentionAverages, AreSumsOverTheKeysThatAQuerySees) {
    for (const bool causal : {true, false}) {
        Graph graph = decoder_graph();
        operation<AttentionValues>(graph, 6).causal = causal;
        operation<Linear>(graph, 7).weight = some_matrix(kWidth, kHeads, 0);
        const Tensor sums = evaluate(graph, some_text(3)).logits;
        const Tensor shift = [&] {  // what is added to both
            Graph other = graph;
            std::ranges::fill(operation<Linear>(other, 4).weight.values, 0.0F);
            return evaluate(other, some_text(3)).logits;
        }();
        operation<AttentionValues>(graph, 6).averages = true;
        const Tensor means = evaluate(graph, some_text(3)).logits;
        for (std::size_t t = 0; t < 3; ++t) {
            const double keys = causal ? static_cast<double>(t + 1) : 3.0;  // of the text, not of the context
            for (std::size_t c = 0; c < means.columns; ++c) {
                EXPECT_NEAR(means.at(t, c) - shift.at(t, c), (sums.at(t, c) - shift.at(t, c)) / keys, 1e-12);
            }
        }
    }
}

/// Made by scripts of its own: operation 21, and behind what sums have the number of blocks of values.
TEST(AttentionAverages, HaveAFingerprintOfTheirOwn) {
    Graph graph{.context = 3, .width = 2, .vocabulary = 2, .nodes = {}};
    append(graph, "x", Input{});
    append(graph, "s", AttentionScores{.query = 0, .key = 0, .heads = 1, .scale = 0.5});
    append(graph, "p", Apply{1, {-2, 2, {0.5, 0.25}}, "sigmoid"});
    append(graph, "v",
           AttentionValues{.scores = 2, .value = 0, .heads = 1, .causal = false, .mask = {}, .averages = true});
    EXPECT_EQ(fingerprint(graph), "a77d581469c7da3d1df0672283455645089be7f25954c061703bd6a7491a752b");
}

TEST(AttentionAverages, SurviveTheFiles) {
    Graph graph = decoder_graph();
    operation<AttentionValues>(graph, 6).averages = true;
    const ScratchDirectory directory;
    save_graph(graph, directory.path());
    const Graph found = load_graph(directory.path());
    EXPECT_EQ(fingerprint(found), fingerprint(graph));
    EXPECT_EQ(evaluate(found, some_text(3)).logits.values, evaluate(graph, some_text(3)).logits.values);
}

}  // namespace
}  // namespace polyformer::model
