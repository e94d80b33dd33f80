#include "polyformer/model/builders/random_model.h"

#include <cmath>

#include "polyformer/model/graph/fingerprint.h"
#include "polyformer/model/interpreter/reference.h"
#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

const RandomModelOptions kOptions{
    .layers = 3, .width = 96, .heads = 3, .context = 48, .feed_forward = 384, .vocabulary = 300, .seed = 5};

TEST(RandomModel, HasTheShapeAskedFor) {
    const Transformer model = random_model(kOptions);
    EXPECT_EQ(model.graph.context, 48U);
    EXPECT_EQ(model.graph.width, 96U);
    EXPECT_EQ(model.graph.vocabulary, 300U);
    EXPECT_EQ(model.graph.nodes.size(), 1U + 3 * 20 + 4 + 1);
    EXPECT_EQ(model.embedding.tokens.rows, 300U);
    EXPECT_EQ(model.embedding.positions.rows, 48U);
    EXPECT_EQ(std::get<AttentionScores>(model.graph.nodes[8].operation).heads, 3U);
}

TEST(RandomModel, StaysInItsIntervalsAndBoundsOnNewTokens) {
    const Transformer model = random_model(kOptions);
    const Evaluation result = evaluate(model.graph, model.embedding.embed(random_tokens(48, 300, 12345)));
    for (const IntervalReport& report : result.intervals) {
        EXPECT_LE(static_cast<double>(report.outside), 1e-3 * static_cast<double>(report.values)) << report.node;
    }
    for (NodeId id = 0; id < result.largest.size(); ++id) {
        EXPECT_LE(result.largest[id], model.graph.nodes[id].bound) << model.graph.nodes[id].name;
        EXPECT_LE(model.graph.nodes[id].bound, 100) << model.graph.nodes[id].name;
    }
}

TEST(RandomModel, PolynomialsStandForTheirFunctions) {
    const Transformer model = random_model(kOptions);
    const std::vector<Tensor> values = evaluate_all(model.graph, model.embedding.embed(random_tokens(48, 300, 99)));
    for (NodeId id = 0; id < values.size(); ++id) {
        const auto* apply = std::get_if<Apply>(&model.graph.nodes[id].operation);
        if (apply == nullptr) continue;
        for (std::size_t i = 0; i < values[id].values.size(); ++i) {
            const double x = values[apply->input].values[i];
            const double exact = apply->replaces == "gelu" ? x * std::erfc(-x / std::sqrt(2.0)) / 2 : 1 / std::sqrt(x);
            ASSERT_NEAR(values[id].values[i], exact, 0.1) << model.graph.nodes[id].name << " of " << x;
        }
    }
}

TEST(RandomModel, HasTheNormsAndActivationsAskedFor) {
    RandomModelOptions options{
        .layers = 2, .width = 16, .heads = 2, .context = 8, .feed_forward = 32, .vocabulary = 20};
    options.attention_function = "sigmoid";
    options.feed_forward_function = "silu";
    options.activation_degree = options.inverse_sqrt_degree = 31;
    for (const NormKind norm : {NormKind::rms_norm, NormKind::batch_norm}) {
        options.norm = norm;
        const Transformer model = random_model(options);
        const std::size_t norm_nodes = norm == NormKind::batch_norm ? 0 : 4;
        EXPECT_EQ(model.graph.nodes.size(), 1 + 2 * (12 + 2 * norm_nodes) + norm_nodes + 1);
        const Tensor embedded = model.embedding.embed(random_tokens(8, 20, options.seed + 1));  // calibrated on these
        const Tensor exact = evaluate_exact(model.graph, embedded);
        const Tensor logits = evaluate(model.graph, embedded).logits;
        for (std::size_t i = 0; i < logits.values.size(); ++i) EXPECT_NEAR(logits.values[i], exact.values[i], 0.1) << i;
    }
}

TEST(RandomModel, TheSeedDecides) {
    RandomModelOptions options{.layers = 1, .width = 8, .heads = 2, .context = 4, .feed_forward = 16, .vocabulary = 10};
    const std::string first = fingerprint(random_model(options).graph);
    EXPECT_EQ(first, fingerprint(random_model(options).graph));
    options.seed = 2;
    EXPECT_NE(first, fingerprint(random_model(options).graph));
}

TEST(RandomModel, ShapesThatCannotBeAreRefused) {
    expect_error<Error>([] { random_model({.width = 10, .heads = 3}); }, {"width of 10", "3 heads"});
    expect_error<Error>([] { random_model({.width = 0}); }, {"width 0"});
    expect_error<Error>([] { random_model({.samples = 0}); }, {"at least one sample"});
}

}  // namespace
}  // namespace polyformer::model
