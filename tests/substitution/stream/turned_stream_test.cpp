#include "polyformer/substitution/stream/turned_stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "polyformer/model/builders/random_decoder.h"
#include "polyformer/substitution/stream/rotation.h"

namespace polyformer::substitution {
namespace {

constexpr std::size_t kDecoderWidth = 24;  // 8 · 3: both parts of a rotation

model::Graph decoder() {
    static const model::Graph graph = model::random_decoder({.layers = 2,
                                                             .width = kDecoderWidth,
                                                             .heads = 2,
                                                             .key_heads = 1,
                                                             .context = 5,
                                                             .feed_forward = 16,
                                                             .vocabulary = 7,
                                                             .prefix = 1,
                                                             .seed = 5})
                                          .graph;
    return graph;
}

/// Token i, of ids below 6; feature 3 is a hundred times larger than the others.
model::Embedding embedding() {
    std::mt19937 random(7);
    std::normal_distribution<float> normal(0, 1);
    model::Embedding made{{6, kDecoderWidth, std::vector<float>(6 * kDecoderWidth)}, {}};
    for (float& x : made.tokens.values) x = normal(random);
    for (std::size_t t = 0; t < 6; ++t) made.tokens.values[t * kDecoderWidth + 3] *= 100;
    return made;
}

Texts texts(const model::Embedding& embedding) {
    return {{{0, 1, 2}, {3, 4, 5, 0}}, [&](std::span<const std::int32_t> ids) { return embedding.embed(ids); }};
}

double largest_difference(const std::vector<model::Tensor>& a, const std::vector<model::Tensor>& b) {
    double largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        for (std::size_t k = 0; k < a[i].values.size(); ++k) {
            largest = std::max(largest, std::abs(a[i].values[k] - b[i].values[k]));
        }
    }
    return largest;
}

TEST(Rotation, IsOrthogonalAndFlat) {
    for (const std::size_t n : {1U, 2U, 3U, 7U, 8U, 24U, 40U}) {
        const Rotation rotation(n);
        std::vector<std::vector<double>> rows;
        for (std::size_t i = 0; i < n; ++i) {
            rows.emplace_back(n, 0.0);
            rows[i][i] = 1;
            rotation.turn(std::span(rows[i]));
            for (const double x : rows[i]) EXPECT_LE(std::abs(x), std::sqrt(2 / static_cast<double>(n)) + 1e-12);
            for (std::size_t j = 0; j <= i; ++j) {
                double product = 0;
                for (std::size_t k = 0; k < n; ++k) product += rows[i][k] * rows[j][k];
                EXPECT_NEAR(product, i == j ? 1 : 0, 1e-12) << n << ": " << i << ", " << j;
            }
        }
    }
}

TEST(Rotation, OfColumnsUndoesThatOfRows) {
    const Rotation rotation(12);
    std::mt19937 random(1);
    std::normal_distribution<float> normal(0, 1);
    model::Matrix write{2, 12, std::vector<float>(24)};
    model::Matrix read{12, 3, std::vector<float>(36)};
    for (float& x : write.values) x = normal(random);
    for (float& x : read.values) x = normal(random);
    const auto product = [&] {
        std::vector<double> result(6, 0.0);
        for (std::size_t i = 0; i < 6; ++i) {
            for (std::size_t k = 0; k < 12; ++k) {
                result[i] += static_cast<double>(write.values[i / 3 * 12 + k] * read.values[k * 3 + i % 3]);
            }
        }
        return result;
    };
    const std::vector<double> before = product();
    rotation.turn_rows(write);
    rotation.turn_columns(read);
    const std::vector<double> after = product();
    for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(after[i], before[i], 1e-5);
}

TEST(TurnedStream, GivesTheSameOutputFromSmallerValues) {
    model::Graph graph = decoder();
    model::Embedding client = embedding();
    const auto before = evaluate_texts(graph, texts(client), model::Functions::exact);
    const TurnedStreams turned = turn_streams(graph, texts(client), true);
    ASSERT_TRUE(turned.turned);
    EXPECT_TRUE(turned.input);
    EXPECT_GT(turned.gain, kWorthTurning);
    turn(client);
    EXPECT_LT(largest_difference(before, evaluate_texts(graph, texts(client), model::Functions::exact)), 1e-5);
    // One value of some 100 among 24 becomes 24 of some 20.
    double largest = 0;
    for (const float x : client.tokens.values) largest = std::max(largest, static_cast<double>(std::abs(x)));
    float before_turning = 0;
    for (const float x : embedding().tokens.values) before_turning = std::max(before_turning, std::abs(x));
    EXPECT_LT(largest, 0.5 * static_cast<double>(before_turning));
}

TEST(TurnedStream, TakesInAllThatIsAddedUpAndNormalised) {
    const model::Graph graph = decoder();
    const std::vector<Stream> streams = streams_of(graph);
    ASSERT_EQ(streams.size(), 1U);
    EXPECT_TRUE(streams[0].input);
    std::size_t sums = 0;
    for (const model::NodeId id : streams[0].nodes) {
        const std::string& name = graph.nodes[id].name;
        sums += name.ends_with("residual") ? 1 : 0;
        EXPECT_EQ(name.find("inverse_sqrt"), std::string::npos);
    }
    EXPECT_EQ(sums, 4U);
}

TEST(TurnedStream, LeavesAloneWhatTheClientCannotTurn) {
    model::Graph graph = decoder();
    const model::Embedding client = embedding();
    const std::vector<float> before = std::get<model::Linear>(graph.nodes.back().operation).weight.values;
    EXPECT_FALSE(turn_streams(graph, texts(client), false).turned);
    EXPECT_EQ(std::get<model::Linear>(graph.nodes.back().operation).weight.values, before);
}

TEST(TurnedStream, LeavesAloneWhatHasNoLargeFeatures) {
    model::Graph graph = decoder();
    model::Embedding client = embedding();
    for (std::size_t t = 0; t < 6; ++t) client.tokens.values[t * kDecoderWidth + 3] /= 100;
    EXPECT_FALSE(turn_streams(graph, texts(client), true).turned);
}

TEST(TurnedStream, IsNoneWhereAFunctionReadsSingleFeatures) {
    model::Graph graph = decoder();
    // A scale of its own for each feature, as a norm behind a sum has it, does not turn.
    for (model::NodeId id = 0; id < graph.nodes.size(); ++id) {
        auto* sum = std::get_if<model::Add>(&graph.nodes[id].operation);
        if (sum == nullptr || !graph.nodes[id].name.ends_with("attention.residual")) continue;
        const model::NodeId input = sum->left;
        graph.nodes[id].operation = model::ScaleFeatures{input, std::vector<float>(kDecoderWidth, 2.0F), {}};
    }
    EXPECT_TRUE(streams_of(graph).empty());
}

}  // namespace
}  // namespace polyformer::substitution
