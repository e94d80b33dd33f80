#include "polyformer/model/interpreter/interpreter.h"

#include <cmath>
#include <limits>

#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/interpreter/interval_report.h"
#include "polyformer/model/interpreter/operations.h"
#include "polyformer/model/interpreter/resumable_evaluation.h"
#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

Tensor golden_input() {
    return load_embedding(kGolden).embed(golden_json("expected.json")["tokens"].get<std::vector<std::int32_t>>());
}

/// Scores of one head, S[q,k] = x_q · x_k, through `polynomial` into values.
Graph one_head(const Polynomial& polynomial, bool causal) {
    Graph graph{.context = 3, .width = 1, .vocabulary = 1, .nodes = {}};
    append(graph, "input", Input{}, 10);
    append(graph, "scores", AttentionScores{0, 0, 1, 1}, 100);
    append(graph, "activation", Apply{1, polynomial, "identity"}, 100);
    append(graph, "logits", AttentionValues{2, 0, 1, causal, unit_mask(1, 3, causal)}, 1000);
    return graph;
}

TEST(Interpreter, MatchesTheGoldenModelAtEveryNode) {
    const Graph graph = load_graph(kGolden);
    const nlohmann::json expected = golden_json("expected.json")["nodes"];
    const std::vector<Tensor> values = evaluate_all(graph, golden_input());
    ASSERT_EQ(values.size(), expected.size());
    for (NodeId id = 0; id < values.size(); ++id) {
        const auto node = expected[graph.nodes[id].name].get<std::vector<double>>();
        ASSERT_EQ(values[id].values.size(), node.size()) << graph.nodes[id].name;
        for (std::size_t i = 0; i < node.size(); ++i) {
            ASSERT_NEAR(values[id].values[i], node[i], 1e-9) << graph.nodes[id].name << " at " << i;
        }
    }
}

TEST(Interpreter, FewerTokensGiveTheFirstRows) {
    const Graph graph = load_graph(kGolden);
    const Tensor all = golden_input();
    const Tensor logits = evaluate(graph, all).logits;
    for (std::size_t tokens = 1; tokens < all.rows; ++tokens) {
        Tensor shorter{tokens, all.columns, all.values};
        shorter.values.resize(tokens * all.columns);
        const Tensor found = evaluate(graph, shorter).logits;
        ASSERT_EQ(found.rows, tokens);
        for (std::size_t i = 0; i < found.values.size(); ++i) EXPECT_DOUBLE_EQ(found.values[i], logits.values[i]);
    }
}

TEST(Interpreter, GoesOnFromAPlaceAsOftenAsOneLikes) {
    Graph graph = one_head({-2, 2, {0.5, 1}}, true);
    const std::vector<Tensor> texts{{3, 1, {1, 2, -1}}, {2, 1, {0.5, 3}}};
    ResumableEvaluation evaluation(graph, texts, Functions::polynomials);
    std::vector<NodeId> seen;
    evaluation.advance_to(2, [&](NodeId node, const ResumableEvaluation::Values&) { seen.push_back(node); });
    for (const double slope : {1.0, -3.0}) {
        std::get<Apply>(graph.nodes[2].operation).polynomial.coefficients[1] = slope;
        const std::vector<Tensor> whole = evaluate_batch(graph, texts, Functions::polynomials);
        const std::vector<Tensor> resumed = evaluation.output();
        for (std::size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(resumed[i].values, whole[i].values);
    }
    evaluation.advance_to(1, [&](NodeId node, const ResumableEvaluation::Values&) { seen.push_back(node); });
    EXPECT_EQ(seen, (std::vector<NodeId>{0, 1}));
}

TEST(Interpreter, SizesBeyondOneBlockMatchAPlainProduct) {
    const std::size_t rows = 7;
    const std::size_t inner = 5;
    const std::size_t columns = 131;
    Graph graph{.context = rows, .width = inner, .vocabulary = columns, .nodes = {}};
    Matrix weight{inner, columns, std::vector<float>(inner * columns)};
    for (std::size_t i = 0; i < weight.values.size(); ++i) weight.values[i] = std::sin(static_cast<float>(i));
    append(graph, "input", Input{});
    append(graph, "logits", Linear{0, weight, {}});
    Tensor input{rows, inner, std::vector<double>(rows * inner)};
    for (std::size_t i = 0; i < input.values.size(); ++i) input.values[i] = std::cos(static_cast<double>(i));
    const Tensor logits = evaluate(graph, input).logits;
    const Tensor in_single =
        ResumableEvaluation(graph, std::span(&input, 1), Functions::exact, Sums::in_single).output().front();
    double difference = 0;
    for (std::size_t t = 0; t < rows; ++t) {
        for (std::size_t j = 0; j < columns; ++j) {
            double sum = 0;
            for (std::size_t i = 0; i < inner; ++i) {
                sum += input.at(t, i) * static_cast<double>(weight.values[i * columns + j]);
            }
            ASSERT_NEAR(logits.at(t, j), sum, 1e-12);
            ASSERT_NEAR(in_single.at(t, j), sum, 1e-5);
            difference = std::max(difference, std::abs(in_single.at(t, j) - sum));
        }
    }
    EXPECT_GT(difference, 1e-10) << "in single precision";
}

TEST(Interpreter, PolynomialsAreChebyshevSeriesOverTheirInterval) {
    Graph graph = small_graph();
    std::get<Apply>(graph.nodes[2].operation).polynomial = {1, 5, {1, 2, 3, 4}};  // of 2x + 1, u = (2x + 1 − 3)/2
    const Tensor logits = evaluate(graph, {1, 2, {1.5, 0.25}}).logits;
    for (std::size_t i = 0; i < 2; ++i) {
        const double x = i == 0 ? 4 : 1.5;
        const double u = (x - 3) / 2;
        const double p = 1 + 2 * u + 3 * (2 * u * u - 1) + 4 * (4 * u * u * u - 3 * u);
        EXPECT_NEAR(logits.values[i], x * p, 1e-12);
    }
}

TEST(Interpreter, LargestMagnitudesSeeSignsInfinitiesAndNans) {
    const double infinity = std::numeric_limits<double>::infinity();
    std::vector<double> values(37, 0.5);
    const auto largest = [&] { return largest_magnitude({1, values.size(), values}); };
    EXPECT_EQ(largest(), 0.5);
    values[33] = -7;
    values[2] = 6.5;
    EXPECT_EQ(largest(), 7);
    values[20] = -infinity;
    EXPECT_EQ(largest(), infinity);
    values[5] = -std::numeric_limits<double>::quiet_NaN();
    EXPECT_TRUE(std::isnan(largest()));
    EXPECT_EQ(largest_magnitude({0, 0, {}}), 0);
}

TEST(Interpreter, MeasuresLikeAnInterpreterThatKeepsEveryValue) {
    const Graph graph = load_graph(kGolden);
    const std::vector<Tensor> values = evaluate_all(graph, golden_input());
    const Evaluation result = evaluate(graph, golden_input());
    EXPECT_EQ(result.logits.values, values.back().values);
    ASSERT_EQ(result.largest.size(), values.size());
    for (NodeId id = 0; id < values.size(); ++id) {
        EXPECT_EQ(result.largest[id], largest_magnitude(values[id])) << graph.nodes[id].name;
    }
}

TEST(Interpreter, ReportsWhatLeavesAnInterval) {
    Graph graph = small_graph();
    std::get<Apply>(graph.nodes[2].operation).polynomial = {-1, 3, {0, 1}};
    const Evaluation result = evaluate(graph, {2, 2, {1, -1, 1.5, -3}});  // 2x + 1: 3, −1, 4, −5
    ASSERT_EQ(result.intervals.size(), 1U);
    const IntervalReport& report = result.intervals[0];
    EXPECT_EQ(report.node, "square");
    EXPECT_EQ(report.values, 4U);
    EXPECT_EQ(report.outside, 2U);
    EXPECT_EQ(report.smallest, -5);
    EXPECT_EQ(report.largest, 4);
    EXPECT_EQ(report.lower, -1);
    EXPECT_EQ(report.upper, 3);
    EXPECT_EQ(result.largest[0], 3);
    EXPECT_EQ(result.largest[1], 5);
}

TEST(Interpreter, WhatIsNotANumberLiesOutside) {
    Graph graph = small_graph();
    std::get<Apply>(graph.nodes[2].operation).polynomial = {-1, 3, {0, 1}};
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    std::vector<IntervalReport> reports = evaluate(graph, {2, 2, {1, nan, 1, 1}}).intervals;
    EXPECT_EQ(reports[0].outside, 2U);  // both features of that row
    EXPECT_TRUE(std::isnan(reports[0].smallest) && std::isnan(reports[0].largest));
    EXPECT_TRUE(to_json(reports)[0].at("seen")[0].is_null());
    EXPECT_TRUE(std::isnan(farthest_outside(reports)));
    std::vector<IntervalReport> all = evaluate(graph, {2, 2, {1, -1, 1.5, -3}}).intervals;  // −5 to 4
    EXPECT_EQ(farthest_outside(all), 3);
    EXPECT_THAT(describe_outside(outside_share(all), 3), testing::HasSubstr("50 % of the inputs of polynomials"));
    merge(all, reports);
    EXPECT_TRUE(std::isnan(farthest_outside(all)));
    EXPECT_EQ(all[0].outside, 4U);
    EXPECT_EQ(farthest_outside({}), 0);
}

TEST(Interpreter, ShowsTheIntervalsThatWereLeftMostOften) {
    const auto report = [](int index) {
        return IntervalReport{.node = "site " + std::to_string(index) + ":",
                              .lower = -100,
                              .upper = 100,
                              .values = 10,
                              .outside = index == 17 ? 1U : 0U,
                              .smallest = static_cast<double>(-index),
                              .largest = index == 17 ? 101.0 : 0.0};
    };
    std::vector<IntervalReport> reports;
    for (int index = 0; index < 20; ++index) reports.push_back(report(index));
    const std::string shown = describe(reports);
    EXPECT_LT(shown.find("site 17:"), shown.find("site 19:"));
    EXPECT_LT(shown.find("site 19:"), shown.find("site 18:"));
    EXPECT_THAT(shown, testing::HasSubstr("site 8:"));
    EXPECT_THAT(shown, testing::Not(testing::HasSubstr("site 7:")));
    EXPECT_THAT(shown, testing::HasSubstr("of 8 more, none with values outside"));
    reports.resize(3);
    EXPECT_THAT(describe(reports), testing::Not(testing::HasSubstr("more")));
}

TEST(Interpreter, MaskedScoresDoNotCount) {
    const Polynomial identity{-4, 4, {0, 4}};
    const Tensor input{3, 1, {1, 2, 5}};  // the scores: 1 | 2 4 | 5 10 25, and above the diagonal 2 5 10
    const Evaluation causal = evaluate(one_head(identity, true), input);
    EXPECT_EQ(causal.intervals[0].values, 6U);
    EXPECT_EQ(causal.intervals[0].outside, 3U);
    EXPECT_EQ(causal.intervals[0].smallest, 1);
    EXPECT_EQ(causal.intervals[0].largest, 25);
    EXPECT_NEAR(causal.logits.values[0], 1, 1e-12);
    EXPECT_NEAR(causal.logits.values[1], 2 * 1 + 4 * 2, 1e-12);
    const Evaluation open = evaluate(one_head(identity, false), input);
    EXPECT_EQ(open.intervals[0].values, 9U);
    EXPECT_EQ(open.intervals[0].outside, 5U);
    EXPECT_NEAR(open.logits.values[0], 1 * 1 + 2 * 2 + 5 * 5, 1e-12);
}

TEST(Interpreter, InputsThatDoNotFitAreRefused) {
    const Graph graph = small_graph();
    expect_error<Error>([&] { evaluate(graph, {4, 2, std::vector<double>(8)}); }, {"4 tokens", "context of 1 to 3"});
    expect_error<Error>([&] { evaluate(graph, {0, 2, {}}); }, {"0 tokens"});
    expect_error<Error>([&] { evaluate(graph, {1, 3, std::vector<double>(3)}); }, {"(1, 3)", "width is 2"});
}

}  // namespace
}  // namespace polyformer::model
