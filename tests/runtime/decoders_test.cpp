// Decoders with softmax, rotary positions, shared keys, gates and a public prefix: plans of them give the interpreter's
// answers to texts of all lengths.
#include <gtest/gtest.h>

#include <algorithm>

#include "polyformer/compile/compile.h"
#include "polyformer/model/builders/random_decoder.h"
#include "tests/runtime/fixtures.h"
#include "tests/runtime/random_graph.h"

namespace polyformer::runtime {
namespace {

using compile::Positions;
using fixtures::Builder;
using model::NodeId;

struct DecoderShape {
    const char* name;
    std::size_t ring_dimension;
    Positions positions;
    model::RandomDecoderOptions model;
};

void PrintTo(const DecoderShape& shape, std::ostream* out) {
    *out << shape.name;
}

model::RandomDecoderOptions decoder(std::size_t layers, std::size_t width, std::size_t heads, std::size_t key_heads,
                                    std::size_t context, std::size_t prefix) {
    model::RandomDecoderOptions options;
    options.layers = layers;
    options.width = width;
    options.heads = heads;
    options.key_heads = key_heads;
    options.context = context;
    options.feed_forward = 3 * width;
    options.vocabulary = 24;
    options.prefix = prefix;
    options.samples = 12;
    return options;
}

class DecodersTest : public testing::TestWithParam<DecoderShape> {};

TEST_P(DecodersTest, GiveTheInterpretersAnswersToTextsOfAllLengths) {
    const DecoderShape& shape = GetParam();
    const model::Transformer model = model::random_decoder(shape.model);
    const compile::Plan plan =
        compile::compile(model.graph, fixtures::plan_options(shape.ring_dimension, shape.positions));
    EXPECT_EQ(plan.frame.least_rows, 1U);
    fixtures::expect_interpreters_answers(model, plan, fixtures::lengths_up_to(shape.model.context));
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, DecodersTest,
    testing::Values(DecoderShape{"small", 2048, Positions::all, decoder(1, 16, 2, 1, 8, 2)},
                    DecoderShape{"no_prefix", 2048, Positions::last, decoder(1, 16, 4, 2, 8, 0)},
                    DecoderShape{"prefix_of_one", 2048, Positions::all, decoder(1, 16, 2, 2, 8, 1)},
                    DecoderShape{"two_layers", 2048, Positions::last, decoder(2, 24, 6, 2, 6, 2)},
                    DecoderShape{"short", 4096, Positions::last, decoder(1, 32, 2, 1, 8, 3)},
                    DecoderShape{"heads_in_pairs", 2048, Positions::all, decoder(1, 32, 2, 1, 4, 2)},
                    DecoderShape{"pairs_in_groups", 2048, Positions::last, decoder(2, 96, 6, 2, 8, 1)},
                    DecoderShape{"prefix_of_one_behind_pairs", 2048, Positions::all, decoder(1, 32, 2, 2, 6, 1)},
                    DecoderShape{"prefix_with_polynomials_of_its_own", 2048, Positions::all,
                                 [] {
                                     model::RandomDecoderOptions options = decoder(1, 32, 2, 1, 4, 3);
                                     options.shares_exp = false;
                                     return options;
                                 }()},
                    DecoderShape{"odd_pairs", 1024, Positions::all, decoder(1, 36, 3, 3, 5, 2)},
                    DecoderShape{"long", 2048, Positions::all, decoder(1, 8, 2, 1, 64, 2)},
                    DecoderShape{"wide", 2048, Positions::last, decoder(1, 96, 6, 3, 16, 2)}),
    [](const auto& test) { return std::string(test.param.name); });

/// For texts of this length and of the context's.
void expect_interpreters_logits(const model::Graph& graph, std::size_t rows, std::size_t ring_dimension = 2048) {
    for (const Positions positions : {Positions::all, Positions::last}) {
        const compile::Plan plan = compile::compile(graph, fixtures::plan_options(ring_dimension, positions));
        fixtures::expect_interpreters_logits(graph, plan, {rows, graph.context});
    }
}

TEST(DecoderGraphs, RotaryPositionsOfAnything) {
    Builder builder(6, 12);
    const NodeId stream = builder.turned(builder.input(), 3, 4);
    const NodeId twice = builder.turned(builder.turned(builder.linear(stream, 12, 12), 2, 6), 6, 2);
    const NodeId both = builder.add(model::Add{builder.apply(twice), stream});
    const NodeId wide = builder.turned(builder.linear(both, 12, 320), 5, 64);  // over several ciphertexts
    builder.turned(builder.linear(builder.apply(wide), 320, 8), 1, 8);
    expect_interpreters_logits(builder.finish(8), 4);
}

TEST(DecoderGraphs, GroupsOfHeadsShareKeysAndValues) {
    for (const std::size_t tokens : {3U, 8U}) {  // as pairs, and not
        Builder builder(tokens, 12);
        const NodeId query = builder.turned(builder.linear(builder.input(), 12, 48), 6, 8);
        const NodeId key = builder.turned(builder.linear(builder.input(), 12, 16), 2, 8);
        const NodeId value = builder.linear(builder.input(), 12, 24);
        const NodeId weights = builder.apply(builder.add(
            model::AttentionScores{.query = query, .key = key, .heads = 6, .scale = 0.1, .bias = {}, .key_heads = 2}));
        const NodeId values = builder.add(model::AttentionValues{
            .scores = weights, .value = value, .heads = 6, .causal = true, .mask = {}, .value_heads = 3});
        builder.linear(values, 48, 5);
        expect_interpreters_logits(builder.finish(5), 2);
    }
}

TEST(DecoderGraphs, SumsOfHeadsWithTheirFeatures) {
    Builder builder(4, 12);
    const NodeId wide = builder.linear(builder.input(), 12, 12);
    const NodeId narrow = builder.linear(builder.input(), 12, 3);
    const NodeId sum = builder.apply(builder.add(model::Add{narrow, wide}));
    const NodeId more = builder.add(model::Add{sum, builder.apply(narrow)});
    const NodeId product = builder.add(model::Multiply{more, builder.linear(more, 12, 12)});
    builder.add(model::Add{product, builder.linear(product, 12, 1)});
    expect_interpreters_logits(builder.finish(12), 3);
}

TEST(DecoderGraphs, PrefixesBehindScoresAndBesideThem) {
    for (const std::size_t tokens : {4U, 8U}) {  // as pairs, and not
        for (const std::size_t prefix : {1U, 3U}) {
            for (const bool squares : {false, true}) {
                SCOPED_TRACE(testing::Message()
                             << tokens << " tokens, prefix of " << prefix << ", squares " << squares);
                Builder builder(tokens, 12);
                const NodeId q = builder.linear(builder.input(), 12, 24);
                const NodeId v = builder.linear(builder.input(), 12, 24);
                const auto [weights, behind] = builder.prefixed_weights(q, 24, q, 3, prefix, squares);
                const NodeId values =
                    builder.add(model::AttentionValues{.scores = weights, .value = v, .heads = 3, .mask = {}});
                const NodeId sums = builder.add(model::AttentionSums{.scores = weights, .heads = 3, .mask = {}});
                const NodeId other = builder.linear(behind, 3 * prefix, 24);
                const NodeId total = builder.add(model::Add{other, values});
                const NodeId inverse = builder.apply(
                    builder.add(model::Add{sums, prefix == 1 ? behind : builder.linear(behind, 3 * prefix, 3)}));
                builder.linear(builder.add(model::Multiply{inverse, total}), 24, 5);
                expect_interpreters_logits(builder.finish(5), 3);
            }
        }
    }
}

TEST(DecoderGraphs, APrefixWithTheTextsPolynomialTakesNone) {
    model::RandomDecoderOptions options = decoder(1, 32, 2, 1, 4, 2);
    const auto polynomials = [&] {
        const compile::Plan plan = compile::compile(model::random_decoder(options).graph, fixtures::plan_options(2048));
        return std::ranges::count_if(plan.steps, [](const compile::Step& step) {
            return std::holds_alternative<compile::PolynomialStep>(step.operation);
        });
    };
    const auto shared = polynomials();
    options.shares_exp = false;
    EXPECT_EQ(shared + 1, polynomials());
}

}  // namespace
}  // namespace polyformer::runtime
