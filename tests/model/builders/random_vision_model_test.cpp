#include "polyformer/model/builders/random_vision_model.h"

#include "polyformer/model/graph/fingerprint.h"
#include "polyformer/model/graph/graph_shapes.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/model/interpreter/reference.h"
#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

const RandomVisionOptions kVit{
    .rows = 4, .columns = 8, .stages = {{.layers = 2, .width = 24, .heads = 3}}, .features = 12, .seed = 3};
const RandomVisionOptions kSwin{.rows = 8,
                                .columns = 8,
                                .stages = {{.layers = 2, .width = 16, .heads = 2, .window = 4},
                                           {.layers = 3, .width = 32, .heads = 4, .window = 2}},
                                .features = 27,
                                .classes = 7};

TEST(RandomVisionModel, HasTheShapeAskedFor) {
    const Graph vit = random_vision_model(kVit);
    EXPECT_EQ(vit.context, 32U);
    EXPECT_EQ(vit.width, 12U);
    EXPECT_EQ(vit.vocabulary, 10U);
    EXPECT_EQ(vit.nodes.size(), 3U + 2 * 13 + 2);
    const Graph swin = random_vision_model(kSwin);
    EXPECT_EQ(swin.nodes.size(), 3U + 2 * 13 + 1 + 2 + 3 * 13 + 2);
    const std::vector<Shape> shapes = shapes_of(swin);
    std::vector<Shape> scores;
    for (NodeId id = 0; id < shapes.size(); ++id) {
        if (std::holds_alternative<AttentionScores>(swin.nodes[id].operation)) scores.push_back(shapes[id]);
    }
    const Shape first{true, 2, 64, 16};
    const Shape second{true, 4, 16, 4};
    EXPECT_EQ(scores, (std::vector{first, first, second, second, second}));
    EXPECT_EQ(shapes.back(), (Shape{false, 7, 1}));
}

TEST(RandomVisionModel, LeavesOutWhatIsNotAskedFor) {
    RandomVisionOptions options = kSwin;
    options.local = options.positions = options.relative_positions = false;
    const Graph graph = random_vision_model(options);
    std::size_t moves = 0;
    for (const Node& node : graph.nodes) {
        EXPECT_FALSE(std::holds_alternative<AddConstant>(node.operation)) << node.name;
        if (const auto* mix = std::get_if<MixTokens>(&node.operation)) {
            EXPECT_EQ(mix->sources.size(), 1U) << node.name;
            ++moves;
        }
        const auto* scores = std::get_if<AttentionScores>(&node.operation);
        EXPECT_TRUE(scores == nullptr || scores->bias.values.empty()) << node.name;
    }
    EXPECT_EQ(moves, 1U + 1 + 2);
}

TEST(RandomVisionModel, StaysInItsIntervalsAndBoundsOnNewImages) {
    RandomVisionOptions mixed = kVit;
    mixed.hidden_local = true;
    for (const RandomVisionOptions& options : {kVit, kSwin, mixed}) {
        const Graph graph = random_vision_model(options);
        const Tensor image = random_patches(graph.context, graph.width, 12345);
        const Evaluation result = evaluate(graph, image);
        for (const IntervalReport& report : result.intervals) {
            EXPECT_LE(static_cast<double>(report.outside), 1e-3 * static_cast<double>(report.values)) << report.node;
        }
        for (NodeId id = 0; id < result.largest.size(); ++id) {
            EXPECT_LE(result.largest[id], graph.nodes[id].bound * 1.1) << graph.nodes[id].name;
            EXPECT_LE(graph.nodes[id].bound, 20) << graph.nodes[id].name;
        }
        const Tensor exact = evaluate_exact(graph, image);
        for (std::size_t j = 0; j < exact.values.size(); ++j) {
            EXPECT_NEAR(result.logits.values[j], exact.values[j], 0.05) << j;
        }
    }
}

TEST(RandomVisionModel, TheSeedDecides) {
    RandomVisionOptions options = kVit;
    const std::string first = fingerprint(random_vision_model(options));
    EXPECT_EQ(first, fingerprint(random_vision_model(options)));
    options.seed = 2;
    EXPECT_NE(first, fingerprint(random_vision_model(options)));
    EXPECT_NE(random_patches(2, 3, 1).values, random_patches(2, 3, 2).values);
}

TEST(RandomVisionModel, ShapesThatCannotBeAreRefused) {
    const auto expect = [](auto change, const std::vector<std::string>& parts) {
        RandomVisionOptions options = kSwin;
        change(options);
        expect_error<Error>([&] { static_cast<void>(random_vision_model(options)); }, parts);
    };
    expect([](auto& o) { o.stages.clear(); }, {"0 stages"});
    expect([](auto& o) { o.rows = 0; }, {"0 × 8 patches"});
    expect([](auto& o) { o.rows = 9; }, {"stage 1", "4 × 4", "9 × 8"});
    expect([](auto& o) { o.stages[0].heads = 3; }, {"stage 0", "width of 16", "3 heads"});
    expect([](auto& o) { o.stages[1].heads = 0; }, {"0 heads"});
    expect([](auto& o) { o.stages[0].window = 3; }, {"3 × 3"});
    expect([](auto& o) { o.samples = 0; }, {"at least one sample"});
}

}  // namespace
}  // namespace polyformer::model
