// Graphs that no ordinary transformer has, but that a model can express: the compiler goes by structure, not by names.
#include <gtest/gtest.h>

#include "polyformer/compile/compile.h"
#include "polyformer/compile/layout/slots.h"
#include "polyformer/support/error.h"
#include "tests/runtime/fixtures.h"
#include "tests/runtime/random_graph.h"

namespace polyformer::runtime {
namespace {

using compile::Positions;
using fixtures::Builder;
using model::NodeId;

void expect_interpreters_logits(const model::Graph& graph, const model::Tensor& text,
                                std::size_t ring_dimension = 2048) {
    for (const Positions positions : {Positions::all, Positions::last}) {
        const compile::Plan plan = compile::compile(graph, fixtures::plan_options(ring_dimension, positions));
        ClearBackend backend(plan.frame.parameters, plan.frame.packing, {.noise = false});
        const std::vector<double> exact = fixtures::exact_logits(graph, text, positions);
        const double size = fixtures::largest_difference(exact, std::vector<double>(exact.size(), 0.0));
        EXPECT_LT(fixtures::largest_difference(fixtures::clear_logits(plan, backend, text), exact), 1e-6 * (1 + size));
    }
}

TEST(UnusualGraphs, AttentionThatLooksAhead) {
    for (const std::size_t context : {8U, 6U}) {
        Builder builder(context, 12);
        const NodeId q = builder.linear(builder.input(), 12, 12);
        const NodeId k = builder.linear(builder.input(), 12, 12);
        const NodeId v = builder.linear(builder.input(), 12, 12);
        const NodeId o = builder.values(builder.apply(builder.scores(q, k, 2)), v, 2, false);
        builder.linear(o, 12, 9);
        const model::Graph graph = builder.finish(9);
        for (std::size_t rows = 1; rows <= context; ++rows) expect_interpreters_logits(graph, builder.text(rows, 3));
    }
}

TEST(UnusualGraphs, ScoresThatAreSquaredSummedAndUsedRaw) {
    Builder builder(8, 8);
    const NodeId q = builder.linear(builder.input(), 8, 8);
    const NodeId v = builder.linear(builder.input(), 8, 8);
    const NodeId scores = builder.scores(q, q, 2);  // tied query and key
    const NodeId square = builder.add(model::Multiply{scores, scores});
    const NodeId sum = builder.add(model::Add{square, builder.apply(scores)});
    const NodeId a = builder.values(sum, v, 2, true);
    const NodeId b = builder.values(scores, v, 2, true);  // linear attention
    builder.linear(builder.add(model::Add{a, b}), 8, 5);
    expect_interpreters_logits(builder.finish(5), builder.text(8, 3));
}

TEST(UnusualGraphs, HeadsWhoseValuesAreWiderThanTheirKeys) {
    Builder builder(8, 10);
    const NodeId q = builder.linear(builder.input(), 10, 6);
    const NodeId k = builder.linear(builder.input(), 10, 6);
    const NodeId v = builder.linear(builder.input(), 10, 14);
    builder.linear(builder.values(builder.apply(builder.scores(q, k, 2)), v, 2, true), 14, 3);
    expect_interpreters_logits(builder.finish(3), builder.text(8, 3));
}

TEST(UnusualGraphs, NormalisedQueriesAndOneValueInEveryRole) {
    Builder builder(8, 6);
    const NodeId x = builder.linear(builder.input(), 6, 6);
    const NodeId square = builder.add(model::Multiply{x, x});
    const NodeId norm = builder.apply(builder.add(model::FeatureMean{square}));
    const NodeId q = builder.add(model::Multiply{norm, x});  // broadcast on the left
    const NodeId o = builder.values(builder.apply(builder.scores(q, q, 3)), q, 3, true);
    const NodeId sum = builder.add(model::Add{o, builder.add(model::Multiply{o, builder.apply(q)})});
    builder.linear(sum, 6, 40);
    expect_interpreters_logits(builder.finish(40), builder.text(8, 3));
}

TEST(UnusualGraphs, MeansOfWhatIsNotZeroElsewhere) {
    // Width 5 leaves three positions of eight without a feature; the polynomial makes 0.1 of their 0.
    Builder builder(4, 5);
    const NodeId p = builder.apply(builder.input());
    const NodeId mean = builder.add(model::FeatureMean{p});
    const NodeId product = builder.add(model::Multiply{p, builder.apply(mean)});
    builder.apply(builder.add(model::Add{product, builder.apply(product)}));
    expect_interpreters_logits(builder.finish(5), builder.text(4, 3));
}

TEST(UnusualGraphs, AttentionAsTheLastNode) {
    Builder builder(8, 8);
    const NodeId k = builder.linear(builder.input(), 8, 8);
    builder.values(builder.apply(builder.scores(k, k, 2)), k, 2, true);
    expect_interpreters_logits(builder.finish(8), builder.text(8, 3));
}

TEST(UnusualGraphs, OneTokenOnly) {
    Builder builder(1, 4);
    const NodeId k = builder.linear(builder.input(), 4, 4);
    builder.linear(builder.values(builder.apply(builder.scores(k, k, 2)), k, 2, true), 4, 2);
    expect_interpreters_logits(builder.finish(2), builder.text(1, 3));
}

TEST(ShortTexts, GiveTheLogitsOfTheirRows) {
    const model::RandomModelOptions options = fixtures::transformer_shape(3, 32, 2, 32, 64, 50);
    const model::Transformer model = model::random_model(options);
    for (const std::size_t rows : {1U, 5U, 31U}) {
        const model::Tensor text = model.embedding.embed(model::random_tokens(rows, 50, 4));
        expect_interpreters_logits(model.graph, text, 4096);
        // Rows beyond the text may not leave the intervals: they would spoil the others on ciphertext.
        const compile::Plan plan = compile::compile(model.graph, fixtures::plan_options(4096, Positions::all));
        ClearBackend backend(plan.frame.parameters, plan.frame.packing);
        fixtures::clear_logits(plan, backend, text);
        for (const Excursion& excursion : backend.excursions()) EXPECT_LT(excursion.worst, 1.5) << excursion.step;
    }
}

}  // namespace
}  // namespace polyformer::runtime
