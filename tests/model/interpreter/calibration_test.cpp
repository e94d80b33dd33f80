#include "polyformer/model/interpreter/calibration.h"

#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

const std::vector<Tensor> kSamples{{1, 2, {1, -2}}, {2, 2, {0, 0.5, -1, 3}}};  // 2x + 1: 3 −3 | 1 2, −1 7

TEST(Calibration, BoundsExceedTheLargestValueByTheMargin) {
    Graph graph = small_graph();
    calibrate(graph, kSamples, 0.25);
    EXPECT_DOUBLE_EQ(graph.nodes[0].bound, 3 * 1.25);
    EXPECT_DOUBLE_EQ(graph.nodes[1].bound, 7 * 1.25);
    EXPECT_DOUBLE_EQ(graph.nodes[2].bound, 49 * 1.25);
    EXPECT_DOUBLE_EQ(graph.nodes[3].bound, 343 * 1.25);
    EXPECT_EQ(std::get<Apply>(graph.nodes[2].operation).polynomial.upper, 1) << "intervals must stay";
}

TEST(Calibration, ZeroThroughoutStillHasABound) {
    Graph graph = small_graph();
    calibrate(graph, std::vector<Tensor>{{1, 2, {0, 0}}}, 0);
    EXPECT_GT(graph.nodes[0].bound, 0);
    EXPECT_NO_THROW(validate(graph));
}

TEST(Calibration, RefusesWhatGivesNoBounds) {
    Graph graph = small_graph();
    expect_error<Error>([&] { calibrate(graph, {}, 0.1); }, {"at least one sample"});
    expect_error<Error>([&] { calibrate(graph, kSamples, -0.1); }, {"margin of -0.1"});
    expect_error<Error>([&] { calibrate(graph, std::vector<Tensor>{{1, 2, {1e300, 0}}}, 0.1); }, {"'square'", "inf"});
}

TEST(Calibration, FittingSeesWhatEarlierPolynomialsGive) {
    Graph graph{.context = 3, .width = 2, .vocabulary = 2, .nodes = {}};
    append(graph, "input", Input{});
    append(graph, "first", Apply{0, {-1, 1, {9}}, "a"});
    append(graph, "logits", Apply{1, {-1, 1, {9}}, "b"});
    std::vector<std::array<double, 2>> ranges;
    fit_polynomials(graph, kSamples, [&](const Node&, double smallest, double largest) {
        ranges.push_back({smallest, largest});
        return Polynomial{-1, 1, {5, 10}};  // 5 + 10x
    });
    ASSERT_EQ(ranges.size(), 2U);
    EXPECT_EQ(ranges[0], (std::array{-2.0, 3.0}));
    EXPECT_EQ(ranges[1], (std::array{-15.0, 35.0}));
    EXPECT_EQ(std::get<Apply>(graph.nodes[2].operation).polynomial.coefficients, (std::vector{5.0, 10.0}));
}

}  // namespace
}  // namespace polyformer::model
