// The operations that image models add to the graph: shapes, values, files.
#include <cmath>

#include "polyformer/model/graph/fingerprint.h"
#include "polyformer/model/graph/graph.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/graph/graph_shapes.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/model/interpreter/reference.h"
#include "polyformer/support/system/parallel.h"
#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

constexpr std::int32_t kNone = MixTokens::kNothing;

/// All of them: four tokens of two features, attention in windows of two tokens, merged to two tokens of four features,
/// averaged.
Graph image_graph() {
    Graph graph{.context = 4, .width = 2, .vocabulary = 4, .nodes = {}};
    append(graph, "input", Input{});
    append(graph, "positions", AddConstant{0, {4, 2, {1, 2, 3, 4, 5, 6, 7, 8}}});
    MixTokens mix{.input = 1, .sources = {{kNone, 0, 1, 2}, {1, 0, 3, 2}}, .weights = {2, 2, {1, 2, -1, 0.5F}}};
    mix.bias = {0.25F, -0.25F};
    append(graph, "local", mix);
    append(graph, "scores",
           AttentionScores{.query = 2, .key = 1, .heads = 2, .scale = 0.5, .window = 2, .bias = {4, 2, {}}});
    std::get<AttentionScores>(graph.nodes[3].operation).bias.values = {1, 2, 3, 4, 5, 6, 7, 8};
    Apply identity;
    identity.input = 3;
    identity.polynomial.coefficients = {0, 1};
    append(graph, "activation", std::move(identity));
    Matrix mask{8, 2, std::vector<float>(16)};
    for (std::size_t i = 0; i < 16; ++i) mask.values[i] = static_cast<float>(i) / 8;
    append(graph, "values",
           AttentionValues{.scores = 4, .value = 2, .heads = 2, .causal = false, .mask = std::move(mask)});
    append(graph, "merge", MergeTokens{5, 2});
    append(graph, "logits", TokenMean{6});
    return graph;
}

template <class Operation>
Operation& operation(Graph& graph, NodeId id) {
    return std::get<Operation>(graph.nodes[id].operation);
}

template <class Change>
void expect_invalid(const Change& change, const std::vector<std::string>& parts) {
    Graph graph = image_graph();
    change(graph);
    expect_error<Error>([&] { validate(graph); }, parts);
}

TEST(ImageOperations, ShapesFollow) {
    const Graph graph = image_graph();
    EXPECT_NO_THROW(validate(graph));
    const std::vector<Shape> expected{{false, 2, 4},   {false, 2, 4}, {false, 2, 4}, {true, 2, 4, 2},
                                      {true, 2, 4, 2}, {false, 2, 4}, {false, 4, 2}, {false, 4, 1}};
    EXPECT_EQ(shapes_of(graph), expected);
    EXPECT_EQ(to_string(expected[3]), "scores of 2 heads over 4 tokens in windows of 2");
    EXPECT_EQ(to_string(expected[6]), "(2, 4)");
}

TEST(ImageOperations, ValuesAreThoseOfTheDefinitions) {
    const Graph graph = image_graph();
    const Tensor input{4, 2, {0.5, -1, 2, 0.25, -3, 1, 0.75, -0.5}};
    const std::vector<Tensor> values = evaluate_all(graph, input);
    const auto position = [](std::size_t t, std::size_t c) { return static_cast<double>(2 * t + c + 1); };
    const auto positioned = [&](std::size_t t, std::size_t c) { return input.at(t, c) + position(t, c); };
    const auto local = [&](std::size_t t, std::size_t c) {
        const double before = t == 0 ? 0 : positioned(t - 1, c);
        const double other = positioned(t ^ 1U, c);
        return c == 0 ? before - other + 0.25 : 2 * before + 0.5 * other - 0.25;
    };
    const auto score = [&](std::size_t h, std::size_t q, std::size_t k) {
        const std::size_t key = q / 2 * 2 + k;
        return 0.5 * local(q, h) * positioned(key, h) + static_cast<double>(1 + 4 * h + 2 * (q % 2) + k);
    };
    const auto attended = [&](std::size_t q, std::size_t c) {
        double sum = 0;
        for (std::size_t k = 0; k < 2; ++k) {
            const double mask = static_cast<double>((c * 4 + q) * 2 + k) / 8;
            sum += mask * score(c, q, k) * local(q / 2 * 2 + k, c);
        }
        return sum;
    };
    ASSERT_EQ(values[3].rows, 8U);
    ASSERT_EQ(values[3].columns, 2U);
    for (std::size_t t = 0; t < 4; ++t) {
        for (std::size_t c = 0; c < 2; ++c) {
            EXPECT_DOUBLE_EQ(values[1].at(t, c), positioned(t, c));
            EXPECT_NEAR(values[2].at(t, c), local(t, c), 1e-12);
            for (std::size_t k = 0; k < 2; ++k) EXPECT_NEAR(values[3].at(c * 4 + t, k), score(c, t, k), 1e-12);
            EXPECT_NEAR(values[5].at(t, c), attended(t, c), 1e-12);
            EXPECT_EQ(values[6].at(t / 2, t % 2 * 2 + c), values[5].at(t, c));
        }
    }
    ASSERT_EQ(values[7].rows, 1U);
    for (std::size_t c = 0; c < 4; ++c) {
        EXPECT_NEAR(values[7].at(0, c), (values[6].at(0, c) + values[6].at(1, c)) / 2, 1e-12);
    }
    EXPECT_EQ(evaluate(graph, input).logits.values, values[7].values);
    EXPECT_EQ(evaluate(graph, input).intervals[0].values, 16U);
}

TEST(ImageOperations, WindowsOfAllTokensAreNoWindows) {
    Graph graph = image_graph();
    operation<AttentionScores>(graph, 3) = {.query = 2, .key = 1, .heads = 2, .scale = 0.5};
    operation<AttentionValues>(graph, 5).mask = unit_mask(2, 4, false);
    Graph windowed = graph;
    operation<AttentionScores>(windowed, 3).window = 4;
    const Tensor input{4, 2, {0.5, -1, 2, 0.25, -3, 1, 0.75, -0.5}};
    EXPECT_EQ(shapes_of(graph), shapes_of(windowed));
    EXPECT_EQ(evaluate(graph, input).logits.values, evaluate(windowed, input).logits.values);
}

TEST(ImageOperations, ManyThreadsMayEvaluate) {
    const Graph graph = image_graph();
    std::vector<Tensor> inputs;
    for (std::size_t i = 0; i < 64; ++i) {
        inputs.push_back({4, 2, std::vector<double>(8, static_cast<double>(i) / 64)});
    }
    std::vector<std::vector<double>> together(inputs.size());
    parallel_for(inputs.size(), [&](std::size_t i) { together[i] = evaluate(graph, inputs[i]).logits.values; });
    for (std::size_t i = 0; i < inputs.size(); ++i) EXPECT_EQ(together[i], evaluate(graph, inputs[i]).logits.values);
}

TEST(ImageOperations, FewerTokensAreRefused) {
    EXPECT_TRUE(takes_shorter_inputs(small_graph()));
    const Graph graph = image_graph();
    EXPECT_FALSE(takes_shorter_inputs(graph));
    const Tensor fewer{3, 2, std::vector<double>(6)};
    expect_error<Error>([&] { evaluate(graph, fewer); }, {"3 tokens are fewer than the 4"});
    expect_error<Error>([&] { evaluate_all(graph, fewer); }, {"3 tokens"});
    expect_error<Error>([&] { evaluate_exact(graph, fewer); }, {"3 tokens"});
    for (const NodeId id : {NodeId{1}, NodeId{2}, NodeId{3}, NodeId{6}}) {
        Graph alone{.context = 4, .width = 2, .vocabulary = 2, .nodes = {{"one", graph.nodes[id].operation, 1}}};
        EXPECT_FALSE(takes_shorter_inputs(alone)) << graph.nodes[id].name;
    }
}

TEST(ImageOperations, WhatDoesNotFitIsRefused) {
    expect_invalid([](Graph& g) { operation<AddConstant>(g, 1).values.rows = 3; },
                   {"'positions'", "constant is (3, 2) with 8 values", "(4, 2) is needed"});
    expect_invalid([](Graph& g) { operation<MixTokens>(g, 2).sources.clear(); }, {"'local'", "0 taps"});
    expect_invalid([](Graph& g) { operation<MixTokens>(g, 2).sources.resize(1025); }, {"1025 taps", "1024"});
    expect_invalid([](Graph& g) { operation<MixTokens>(g, 2).sources.pop_back(); }, {"(2, 2)", "(1, 2) is needed"});
    expect_invalid([](Graph& g) { operation<MixTokens>(g, 2).sources[1].pop_back(); }, {"tap 1 has 3 sources"});
    expect_invalid([](Graph& g) { operation<MixTokens>(g, 2).sources[1][3] = 4; },
                   {"tap 1 takes token 3 from 4", "0 to 3"});
    expect_invalid([](Graph& g) { operation<MixTokens>(g, 2).sources[0][2] = -2; }, {"token 2 from -2"});
    expect_invalid([](Graph& g) { operation<MixTokens>(g, 2).bias.pop_back(); }, {"'local'", "1 entries"});
    expect_invalid([](Graph& g) { operation<AttentionScores>(g, 3).window = 3; },
                   {"'scores'", "4 tokens do not divide into windows of 3"});
    expect_invalid([](Graph& g) { operation<AttentionScores>(g, 3).window = 5; }, {"windows of 5"});
    expect_invalid([](Graph& g) { operation<AttentionScores>(g, 3).bias.columns = 4; },
                   {"'scores'", "bias is (4, 4)", "(4, 2) is needed"});
    expect_invalid([](Graph& g) { operation<AttentionScores>(g, 3).bias.values.clear(); }, {"(4, 2) with 0 values"});
    expect_invalid([](Graph& g) { operation<AttentionValues>(g, 5).causal = true; },
                   {"'values'", "windows of 2", "one window of all 4"});
    expect_invalid([](Graph& g) { operation<AttentionValues>(g, 5).mask = unit_mask(2, 4, false); },
                   {"mask is (8, 4)", "(8, 2) is needed"});
    expect_invalid([](Graph& g) { operation<MergeTokens>(g, 6).group = 3; }, {"'merge'", "groups of 3"});
    expect_invalid([](Graph& g) { operation<MergeTokens>(g, 6).group = 0; }, {"'merge'", "groups of 0"});
    expect_invalid([](Graph& g) { g.nodes[7].operation = Add{6, 6}; }, {"'logits' is (2, 4)", "(4, 4) or (1, 4)"});
    expect_invalid([](Graph& g) { g.nodes[7].operation = Add{5, 6}; }, {"cannot add (4, 2)", "(2, 4)"});
    expect_invalid(
        [](Graph& g) {
            g.nodes[6].operation = TokenMean{5};
            g.nodes[7].operation = Multiply{5, 6};
        },
        {"cannot multiply (4, 2)", "(1, 2)"});
}

TEST(ImageOperations, NumbersMustBeFinite) {
    expect_invalid([](Graph& g) { operation<AddConstant>(g, 1).values.values[3] = NAN; },
                   {"'positions'", "the constant", "nan at index 3"});
    expect_invalid([](Graph& g) { operation<MixTokens>(g, 2).weights.values[2] = INFINITY; }, {"'local'", "weight"});
    expect_invalid([](Graph& g) { operation<MixTokens>(g, 2).bias[1] = NAN; }, {"'local'", "bias"});
    expect_invalid([](Graph& g) { operation<AttentionScores>(g, 3).bias.values[7] = NAN; }, {"'scores'", "bias"});
}

TEST(ImageOperations, SurviveTheFiles) {
    const ScratchDirectory directory;
    const Graph graph = image_graph();
    save_graph(graph, directory.path());
    const Graph loaded = load_graph(directory.path());
    EXPECT_EQ(fingerprint(loaded), fingerprint(graph));
    const Tensor input{4, 2, {0.5, -1, 2, 0.25, -3, 1, 0.75, -0.5}};
    EXPECT_EQ(evaluate(loaded, input).logits.values, evaluate(graph, input).logits.values);
}

TEST(ImageOperations, DamagedTextIsRefused) {
    const ScratchDirectory directory;
    save_graph(image_graph(), directory.path());
    const std::string text = read_file(directory.path() / "graph.json");
    const auto expect = [&](const std::string& from, const std::string& to, const std::vector<std::string>& parts) {
        const std::size_t at = text.find(from);
        ASSERT_NE(at, std::string::npos) << from;
        write_file(directory.path() / "graph.json", std::string(text).replace(at, from.size(), to));
        expect_error<FormatError>([&] { load_graph(directory.path()); }, parts);
    };
    expect("[-1,0,1,2]", "[-1,0,1]", {"tap 0 has 3 sources"});
    expect("[-1,0,1,2]", "[-1,0,1,1.5]", {"node 2", "whole numbers from -1", "1.5"});
    expect("[-1,0,1,2]", "[-2,0,1,2]", {"whole numbers from -1", "-2"});
    expect("[-1,0,1,2]", "[65536,0,1,2]", {"whole numbers", "65536"});
    expect("[-1,0,1,2]", "[18446744073709551615,0,1,2]", {"18446744073709551615"});
    expect("[-1,0,1,2]", "7", {"each of 'sources' must be an array"});
    expect("[-1,0,1,2]", "[0,0,1,2]", {"fingerprint"});
    expect("\"group\":2", "\"group\":4", {"the last node", "(1, 8)"});
    expect("\"window\":2", "\"window\":4", {"bias is (4, 2)"});
    expect("\"window\":2,", "", {"'window' is missing"});
    expect("\"version\": 6", "\"version\": 2", {"unknown key 'bias'"});
    expect("\"version\": 6", "\"version\": 3", {"unknown key 'key_heads'"});
    expect("\"version\": 6", "\"version\": 7", {"version 7 is not known", "2 to 6"});
}

TEST(ImageOperations, FingerprintSeesEveryPart) {
    const std::string original = fingerprint(image_graph());
    const auto changed = [&](auto change) {
        Graph graph = image_graph();
        change(graph);
        return fingerprint(graph) != original;
    };
    EXPECT_FALSE(changed([](Graph&) {}));
    EXPECT_TRUE(changed([](Graph& g) { operation<AddConstant>(g, 1).values.values[0] = 0; }));
    EXPECT_TRUE(changed([](Graph& g) { operation<MixTokens>(g, 2).sources[0][0] = 0; }));
    EXPECT_TRUE(changed([](Graph& g) { operation<MixTokens>(g, 2).weights.values[0] = 0; }));
    EXPECT_TRUE(changed([](Graph& g) { operation<MixTokens>(g, 2).bias.clear(); }));
    EXPECT_TRUE(changed([](Graph& g) { operation<AttentionScores>(g, 3).window = 0; }));
    EXPECT_TRUE(changed([](Graph& g) { operation<AttentionScores>(g, 3).bias.values[0] = 0; }));
    EXPECT_TRUE(changed([](Graph& g) { operation<MergeTokens>(g, 6).group = 4; }));
}

}  // namespace
}  // namespace polyformer::model
