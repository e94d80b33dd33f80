// The operations of softmax and of norms behind sums, in orders that no encoder has them in.
#include <gtest/gtest.h>

#include "polyformer/compile/compile.h"
#include "tests/runtime/fixtures.h"
#include "tests/runtime/random_graph.h"

namespace polyformer::runtime {
namespace {

using compile::Positions;
using fixtures::Builder;
using model::NodeId;

/// For texts of this length and of the context's.
void expect_interpreters_logits(const model::Graph& graph, std::size_t rows, std::size_t ring_dimension = 2048) {
    for (const Positions positions : {Positions::all, Positions::last}) {
        const compile::Plan plan = compile::compile(graph, fixtures::plan_options(ring_dimension, positions));
        fixtures::expect_interpreters_logits(graph, plan, {rows, graph.context});
    }
}

TEST(SoftmaxGraphs, NewtonStepsOnSumsUnderMasksOfTheirOwn) {
    for (const bool causal : {true, false}) {
        Builder builder(8, 12);
        const NodeId q = builder.linear(builder.input(), 12, 12);
        const NodeId v = builder.linear(builder.input(), 12, 12);
        const NodeId weights = builder.apply(builder.scores(q, q, 3));
        const NodeId sums = builder.sums(weights, 3, causal);
        const NodeId first = builder.apply(sums);
        const NodeId product = builder.add(model::Multiply{sums, first});
        const NodeId rest = builder.add(model::ScaleFeatures{product, {-1, -1, -1}, {2, 2, 2}});
        const NodeId second = builder.add(model::Multiply{first, rest});
        const NodeId plain = builder.add(model::AttentionValues{weights, v, 3, causal, {}});
        const NodeId mixed = builder.add(model::Multiply{second, plain});
        builder.linear(builder.add(model::Add{mixed, builder.values(weights, v, 3, causal)}), 12, 9);
        expect_interpreters_logits(builder.finish(9), 5);
    }
}

TEST(SoftmaxGraphs, InversesInTwoParts) {
    Builder builder(8, 12);
    const NodeId q = builder.linear(builder.input(), 12, 12);
    const NodeId weights = builder.apply(builder.scores(q, q, 3));
    const NodeId sums = builder.add(model::AttentionSums{weights, 3, false, {}});
    const NodeId start = builder.apply(sums);
    const NodeId rest = builder.apply(builder.add(model::Multiply{sums, start}));
    const NodeId inverse = builder.add(model::Multiply{start, rest});
    const NodeId values = builder.add(model::AttentionValues{weights, q, 3, false, {}});
    builder.linear(builder.add(model::Multiply{values, inverse}), 12, 9);
    expect_interpreters_logits(builder.finish(9), 5);
}

TEST(SoftmaxGraphs, WeightsThatAreSquares) {
    for (const bool causal : {true, false}) {
        Builder builder(8, 12);
        const NodeId q = builder.linear(builder.input(), 12, 12);
        const NodeId v = builder.linear(builder.input(), 12, 12);
        const NodeId by = builder.linear(builder.input(), 12, 3);
        const NodeId root = builder.apply(builder.add(model::ShiftScores{builder.scores(q, q, 3), by}));
        const NodeId weights = builder.add(model::Multiply{root, root});
        const NodeId inverse = builder.apply(builder.add(model::AttentionSums{weights, 3, causal, {}}));
        const NodeId values = builder.add(model::AttentionValues{weights, v, 3, causal, {}});
        const NodeId mixed = builder.add(model::Multiply{values, inverse});
        builder.linear(builder.sum(mixed, builder.values(weights, v, 3, causal)), 12, 9);
        expect_interpreters_logits(builder.finish(9), 5);
    }
}

TEST(SoftmaxGraphs, SumsThatMapsReadAndThatLeave) {
    Builder builder(6, 8);
    const NodeId q = builder.linear(builder.input(), 8, 8);
    const NodeId sums = builder.add(model::AttentionSums{builder.scores(q, q, 4), 4, false, {}});
    const NodeId map = builder.linear(builder.apply(sums), 4, 4);
    builder.add(model::Add{builder.scale(map, 4, false), sums});
    expect_interpreters_logits(builder.finish(4), 3);
}

TEST(SoftmaxGraphs, FactorsForConsecutiveFeaturesOfOtherValues) {
    Builder builder(4, 12);
    const NodeId x = builder.linear(builder.input(), 12, 96);
    const NodeId factors = builder.apply(builder.linear(builder.input(), 12, 6));
    const NodeId product = builder.add(model::Multiply{factors, builder.apply(x)});
    const NodeId three = builder.linear(product, 96, 3);
    builder.linear(builder.add(model::Multiply{builder.linear(product, 96, 9), three}), 9, 5);
    expect_interpreters_logits(builder.finish(5), 3, 1024);
}

TEST(SoftmaxGraphs, ScalesBeforeMapsBesidePolynomialsAndAtTheEnd) {
    Builder builder(4, 6);
    const NodeId twice = builder.scale(builder.scale(builder.input(), 6, false), 6, false);
    const NodeId x = builder.linear(twice, 6, 6);  // both scales are part of it
    const NodeId alike = builder.scale(builder.scale(x, 6, true), 6, true);
    const NodeId sum = builder.add(model::Add{builder.apply(alike), builder.scale(builder.apply(x), 6, false)});
    const NodeId mean = builder.add(model::FeatureMean{builder.add(model::Multiply{sum, sum})});
    const NodeId shifted = builder.add(model::ScaleFeatures{mean, {1}, {0.5F}});
    const NodeId zero = builder.add(model::ScaleFeatures{sum, std::vector<float>(6, 0), std::vector<float>(6, 1)});
    const NodeId product = builder.add(model::Multiply{builder.apply(shifted), builder.add(model::Add{zero, sum})});
    builder.scale(builder.add(model::Add{product, builder.scale(product, 6, true)}), 6, false);
    expect_interpreters_logits(builder.finish(6), 3);
}

TEST(SoftmaxGraphs, CentresOfAllLayouts) {
    for (const std::size_t width : {6U, 8U, 40U, 130U}) {  // with gaps or without, over several ciphertexts
        Builder builder(8, width);
        const NodeId x = builder.add(model::Centre{builder.input()});
        const NodeId y = builder.add(model::Centre{builder.apply(x)});
        const NodeId square = builder.add(model::Multiply{y, y});
        const NodeId norm = builder.apply(builder.add(model::FeatureMean{square}));
        builder.add(model::Centre{builder.add(model::Multiply{y, norm})});
        expect_interpreters_logits(builder.finish(width), 3, 1024);
    }
    Builder builder(8, 6);
    const NodeId q = builder.linear(builder.input(), 6, 6);
    const NodeId o = builder.values(builder.apply(builder.scores(q, q, 3)), builder.add(model::Centre{q}), 3, true);
    builder.linear(builder.add(model::Centre{o}), 6, 4);
    expect_interpreters_logits(builder.finish(4), 3);
}

TEST(SoftmaxGraphs, ShiftsOfShiftedScoresAndOfWhatIsMadeOfThem) {
    Builder builder(8, 12);
    const NodeId q = builder.linear(builder.input(), 12, 12);
    const NodeId scores = builder.scores(q, q, 3);
    const NodeId by = builder.linear(builder.input(), 12, 3);
    const NodeId shifted = builder.add(model::ShiftScores{scores, by});
    const NodeId again = builder.add(model::ShiftScores{shifted, builder.linear(q, 12, 3)});
    const NodeId later = builder.add(model::ShiftScores{builder.apply(again), by});
    const NodeId sums = builder.add(model::AttentionSums{later, 3, false, {}});
    const NodeId values = builder.add(model::AttentionValues{builder.apply(later), q, 3, false, {}});
    const NodeId mixed = builder.add(model::Multiply{values, sums});
    builder.linear(builder.add(model::Multiply{mixed, by}), 12, 5);
    expect_interpreters_logits(builder.finish(5), 5);
}

TEST(SoftmaxGraphs, ShiftsOfOneHeadThatDependOnNothing) {
    Builder builder(5, 6);
    const NodeId q = builder.linear(builder.input(), 6, 6);
    const NodeId by = builder.add(model::Linear{q, {6, 1, std::vector<float>(6)}, {0.75F}});
    const NodeId weights = builder.apply(builder.add(model::ShiftScores{builder.scores(q, q, 1), by}));
    const NodeId sums = builder.add(model::AttentionSums{weights, 1, false, {}});
    const NodeId values = builder.add(model::AttentionValues{weights, q, 1, false, {}});
    const NodeId mixed = builder.add(model::Multiply{values, builder.apply(sums)});
    builder.linear(builder.add(model::TokenMean{mixed}), 6, 3);
    expect_interpreters_logits(builder.finish(3), 2);
}

TEST(SoftmaxGraphs, WindowsWithBiasAndRowsLeftOver) {
    for (const std::size_t tokens : {16U, 12U}) {
        Builder builder(tokens, 8);
        const NodeId q = builder.linear(builder.input(), 8, 8);
        const NodeId v = builder.linear(builder.input(), 8, 8);
        const NodeId by = builder.linear(builder.input(), 8, 2);
        const NodeId scores = builder.windows(q, 2, 4);
        const NodeId shifted = builder.add(model::ShiftScores{scores, by});
        const NodeId weights = builder.apply(builder.add(model::ShiftScores{builder.apply(shifted), by}));
        const NodeId inverse = builder.apply(builder.add(model::AttentionSums{weights, 2, false, {}}));
        const NodeId values = builder.add(model::AttentionValues{weights, v, 2, false, {}});
        builder.linear(builder.add(model::Multiply{values, inverse}), 8, 3);
        expect_interpreters_logits(builder.finish(3), tokens);
    }
}

TEST(SoftmaxGraphs, OneTokenThenMore) {
    Builder builder(6, 8);
    const NodeId q = builder.linear(builder.input(), 8, 8);
    const NodeId o = builder.add(model::AttentionValues{builder.apply(builder.scores(q, q, 2)), q, 2, false, {}});
    const NodeId first = builder.add(model::SelectToken{o, 0});
    const NodeId centred = builder.add(model::Centre{builder.linear(builder.apply(first), 8, 8)});
    builder.add(model::Multiply{centred, builder.linear(builder.scale(first, 8, false), 8, 2)});
    expect_interpreters_logits(builder.finish(8), 3);
    Builder other(6, 8);
    const NodeId third = other.add(model::SelectToken{other.apply(other.input()), 2});
    other.linear(third, 8, 40);
    expect_interpreters_logits(other.finish(40), 6);
}

}  // namespace
}  // namespace polyformer::runtime
