// Texts of different lengths side by side in one ciphertext: each has the answer that it has alone.
#include <gtest/gtest.h>

#include "polyformer/compile/compile.h"
#include "polyformer/model/builders/random_decoder.h"
#include "polyformer/model/builders/random_encoder.h"
#include "tests/runtime/fixtures.h"
#include "tests/runtime/random_graph.h"

namespace polyformer::runtime {
namespace {

using compile::Lengths;
using compile::Positions;
using model::EncoderOutput;
using model::NodeId;

constexpr std::size_t kPlaces = 4;

/// What holds for texts of any content: `text_of(length, seed)`, (length, width).
template <class TextOf>
void expect_interpreters_answers(const model::Graph& graph, Positions positions, TextOf text_of) {
    const compile::Plan plan = compile::compile(graph, fixtures::plan_options(2048, positions, kPlaces));
    const std::size_t most = graph.context;
    for (const Lengths& lengths : {Lengths{3, most, 1, 2}, Lengths{1, most - 1, 2}, Lengths{most, 1}, Lengths{2}}) {
        SCOPED_TRACE(testing::PrintToString(lengths));
        model::Tensor all{0, graph.width, {}};
        std::vector<double> exact;
        for (std::size_t i = 0; i < lengths.size(); ++i) {
            const model::Tensor text = text_of(lengths[i], static_cast<unsigned>(17 * i + lengths[i]));
            all.rows += text.rows;
            all.values.insert(all.values.end(), text.values.begin(), text.values.end());
            const std::vector<double> answer = fixtures::exact_logits(graph, text, positions);
            exact.insert(exact.end(), answer.begin(), answer.end());
        }
        const double size = fixtures::largest_difference(exact, std::vector<double>(exact.size(), 0.0));
        ClearBackend backend(plan.frame.parameters, plan.frame.packing, {.noise = false});
        const std::vector<double> found = fixtures::clear_logits(plan, backend, all, lengths);
        EXPECT_LT(fixtures::largest_difference(found, exact), 1e-6 * (1 + size));
    }
}

void expect_interpreters_answers(const model::Transformer& model, Positions positions) {
    expect_interpreters_answers(model.graph, positions, [&](std::size_t length, unsigned seed) {
        return model.embedding.embed(model::random_tokens(length, model.embedding.tokens.rows, seed));
    });
}

TEST(SeveralTexts, EncodersThatLookBothWays) {
    // Means over tokens, a row for each token, the first token's; contexts that fill the rows or leave some over.
    for (const auto output : {EncoderOutput::embedding, EncoderOutput::tokens, EncoderOutput::classes}) {
        for (const std::size_t context : {8U, 5U}) {
            model::RandomEncoderOptions options{.layers = 2, .width = 16, .heads = 2, .feed_forward = 24};
            options.context = context;
            options.vocabulary = 24;
            options.output = output;
            options.samples = 2 * context;
            expect_interpreters_answers(model::random_encoder(options), Positions::all);
        }
    }
}

TEST(SeveralTexts, CausalModelsAtTheLastPositionAndAtAll) {
    for (const std::size_t context : {8U, 6U}) {
        const model::Transformer model = model::random_model(fixtures::transformer_shape(2, 12, 3, context, 24, 20));
        for (const auto positions : {Positions::last, Positions::all}) expect_interpreters_answers(model, positions);
    }
}

TEST(SeveralTexts, DecodersWithRotaryPositionsAndAPrefix) {
    for (const std::size_t context : {8U, 6U}) {
        model::RandomDecoderOptions options;
        options.layers = 1;
        options.width = 16;
        options.heads = 2;
        options.key_heads = 1;
        options.feed_forward = 24;
        options.vocabulary = 20;
        options.context = context;
        options.prefix = 2;
        options.samples = 12;
        const model::Transformer model = model::random_decoder(options);
        for (const auto positions : {Positions::last, Positions::all}) expect_interpreters_answers(model, positions);
    }
}

TEST(SeveralTexts, MasksOfMixedWeightsSumsAndMeans) {
    for (const bool causal : {true, false}) {
        fixtures::Builder builder(8, 12);
        const NodeId q = builder.linear(builder.input(), 12, 12);
        const NodeId v = builder.linear(builder.input(), 12, 12);
        const NodeId by = builder.linear(builder.input(), 12, 3);
        const NodeId weights = builder.apply(builder.add(model::ShiftScores{builder.scores(q, q, 3), by}));
        const NodeId inverse = builder.apply(builder.sums(weights, 3, causal));
        const NodeId mixed = builder.add(model::Multiply{builder.values(weights, v, 3, causal), inverse});
        builder.linear(builder.add(model::TokenMean{mixed}), 12, 9);
        expect_interpreters_answers(builder.finish(9), Positions::all, [](std::size_t length, unsigned seed) {
            return fixtures::Builder(8, 12).text(length, seed);
        });
    }
}

TEST(SeveralTexts, WeightsOverTheNumberOfKeys) {
    for (const bool causal : {true, false}) {
        const auto graph_of = [&](bool also_sums) {
            fixtures::Builder builder(8, 12);
            const NodeId q = builder.linear(builder.input(), 12, 12);
            const NodeId v = builder.linear(builder.input(), 12, 12);
            const NodeId by = builder.linear(builder.input(), 12, 3);
            const NodeId weights = builder.apply(builder.add(model::ShiftScores{builder.scores(q, q, 3), by}));
            model::AttentionValues values{.scores = weights, .value = v, .heads = 3, .causal = causal, .mask = {}};
            values.averages = true;
            NodeId mixed = builder.add(values);
            if (also_sums) {  // the same weights, as they are
                values.averages = false;
                mixed = builder.add(model::Add{mixed, builder.add(values)});
            }
            builder.linear(builder.add(model::TokenMean{mixed}), 12, 9);
            return builder.finish(9);
        };
        for (const bool also_sums : {false, true}) {
            expect_interpreters_answers(graph_of(also_sums), Positions::all, [](std::size_t length, unsigned seed) {
                return fixtures::Builder(8, 12).text(length, seed);
            });
        }
    }
}

}  // namespace
}  // namespace polyformer::runtime
