// Weights of attention that their sums normalise are stored over the middle of these sums' interval, not over the
// greatest weight that some text may have: noise must not grow with that.
#include <gtest/gtest.h>

#include <cmath>

#include "polyformer/compile/compile.h"
#include "polyformer/model/builders/random_decoder.h"
#include "polyformer/model/builders/random_encoder.h"
#include "tests/runtime/fixtures.h"

namespace polyformer::runtime {
namespace {

using model::NodeId;

/// The same graph, whose weights were once seen so many times larger.
model::Graph with_greater_weights(model::Graph graph, double times) {
    std::vector<bool> grows(graph.nodes.size(), false);
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        const model::Operation& operation = graph.nodes[id].operation;
        if (const auto* values = std::get_if<model::AttentionValues>(&operation)) {
            grows[id] = grows[values->scores] = true;
        } else if (const auto* sums = std::get_if<model::AttentionSums>(&operation)) {
            grows[id] = grows[sums->scores] = true;
        } else if (const auto* add = std::get_if<model::Add>(&operation)) {
            grows[id] = grows[add->left] || grows[add->right];
        }
    }
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        if (!grows[id]) continue;
        graph.nodes[id].bound *= times;
        const auto* square = std::get_if<model::Multiply>(&graph.nodes[id].operation);
        if (square != nullptr) graph.nodes[square->left].bound *= std::sqrt(times);
    }
    return graph;
}

/// Largest deviation of a logit that noise makes; expects all slots to stay where they must.
double largest_noise(const model::Graph& graph, const model::Tensor& text) {
    const compile::Plan plan = compile::compile(graph, fixtures::plan_options(2048));
    ClearBackend exactly(plan.frame.parameters, plan.frame.packing, {.noise = false});
    ClearBackend noisily(plan.frame.parameters, plan.frame.packing);
    const double found = fixtures::largest_difference(fixtures::clear_logits(plan, noisily, text),
                                                      fixtures::clear_logits(plan, exactly, text));
    for (const Excursion& excursion : exactly.excursions()) ADD_FAILURE() << excursion.step << " " << excursion.worst;
    return found;
}

void expect_the_same_noise(const model::Transformer& model) {
    const model::Tensor text =
        model.embedding.embed(model::random_tokens(model.graph.context, model.embedding.tokens.rows, 5));
    const double usual = largest_noise(model.graph, text);
    EXPECT_LT(largest_noise(with_greater_weights(model.graph, 4096), text), 4 * usual);
}

TEST(WeightBounds, GreaterWeightsOfOtherTextsAddNoNoiseInDecoders) {
    for (const std::size_t prefix : {0U, 2U}) {
        for (const std::size_t context : {4U, 8U}) {  // heads as pairs, the prefix behind their scores, and not
            SCOPED_TRACE(testing::Message() << "prefix of " << prefix << ", " << context << " tokens");
            model::RandomDecoderOptions options;
            options.layers = 1;
            options.width = 32;
            options.heads = 2;
            options.key_heads = 1;
            options.feed_forward = 64;
            options.context = context;
            options.vocabulary = 24;
            options.prefix = prefix;
            options.samples = 12;
            expect_the_same_noise(model::random_decoder(options));
        }
    }
}

TEST(WeightBounds, GreaterWeightsOfOtherTextsAddNoNoiseInEncoders) {
    for (const std::size_t context : {8U, 13U}) {
        SCOPED_TRACE(context);
        model::RandomEncoderOptions options{.layers = 1, .width = 24, .heads = 3, .feed_forward = 48};
        options.context = context;
        expect_the_same_noise(model::random_encoder(options));
    }
}

}  // namespace
}  // namespace polyformer::runtime
