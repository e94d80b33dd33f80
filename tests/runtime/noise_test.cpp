// The noise that is foreseen from a plan against what a run on slots measures.
#include "polyformer/runtime/noise/noise.h"

#include <gtest/gtest.h>

#include <cmath>

#include "polyformer/compile/compile.h"
#include "polyformer/model/builders/random_encoder.h"
#include "polyformer/model/builders/random_vision_model.h"
#include "polyformer/runtime/noise/foreseen_noise.h"
#include "tests/runtime/fixtures.h"

namespace polyformer::runtime {
namespace {

double deviation(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return std::sqrt(sum / static_cast<double>(a.size()));
}

/// Foreseen over measured.
double ratio(const model::Graph& graph, const model::Tensor& input, std::size_t ring, compile::Positions positions) {
    const compile::Plan plan = compile::compile(graph, fixtures::plan_options(ring, positions));
    ClearBackend exactly(plan.frame.parameters, plan.frame.packing, {.noise = false});
    ClearBackend noisily(plan.frame.parameters, plan.frame.packing);
    const double measured =
        deviation(fixtures::clear_logits(plan, noisily, input), fixtures::clear_logits(plan, exactly, input));
    return foreseen_noise(plan) / measured;
}

TEST(ForeseenNoise, IsThatOfTransformers) {
    using fixtures::transformer_shape;
    for (const auto& shape : {transformer_shape(1, 32, 2, 8, 64, 50), transformer_shape(2, 36, 3, 13, 40, 70),
                              transformer_shape(1, 80, 4, 16, 200, 300), transformer_shape(4, 32, 2, 8, 64, 50),
                              transformer_shape(1, 32, 1, 4, 32, 10)}) {
        const model::Transformer model = model::random_model(shape);
        const model::Tensor text = model.embedding.embed(model::random_tokens(shape.context, shape.vocabulary, 99));
        for (const auto positions : {compile::Positions::all, compile::Positions::last}) {
            const double found = ratio(model.graph, text, 2048, positions);
            EXPECT_LT(found, kForeseenWithin);
            EXPECT_GT(found, 1 / kForeseenWithin);
        }
    }
}

TEST(RoundingsOfAMap, AreTwoWhereABabyStepIsTheSumOfTwo) {
    ckks::PeriodicDiagonals map{.period = 1, .inputs = 1, .outputs = 1, .stride = 2, .baby = 8, .blocks = {}};
    map.blocks.assign(1, std::vector<ckks::DiagonalBlock>(1));
    map.blocks[0][0] = {{-2, {1.0}}, {2, {1.0}}, {8, {1.0}}};  // baby steps 7, 1 and 4
    EXPECT_EQ(roundings(map, -2), 1);
    map.saving.inner = 2;
    EXPECT_EQ(roundings(map, -2), 2);
    EXPECT_EQ(roundings(map, 2), 1);
    EXPECT_EQ(roundings(map, 8), 1);
    const ckks::Parameters parameters = ckks::Parameters::create(ckks::presets::insecure_bootstrapping(2048));
    EXPECT_DOUBLE_EQ(map_noise(parameters, map, 0, 5, {{0}, {0}}), 2 * rounding_noise(parameters, 5));
}

TEST(ForeseenNoise, IsThatOfVisionModels) {
    model::RandomVisionOptions vit;
    model::RandomVisionOptions swin;
    swin.rows = swin.columns = 8;
    swin.features = 12;
    swin.stages = {{2, 16, 2, 4}, {2, 32, 4, 0}};
    for (const model::RandomVisionOptions& options : {vit, swin}) {
        const model::Graph graph = model::random_vision_model(options);
        const model::Tensor patches = model::random_patches(graph.context, graph.width, options.seed + 1);
        const double found = ratio(graph, patches, 4096, compile::Positions::all);
        EXPECT_LT(found, kForeseenWithin);
        EXPECT_GT(found, 1 / kForeseenWithin);
    }
}

TEST(ForeseenNoise, IsThatOfEncoders) {
    // Where a polynomial is steep at one end, as 1/x is, all depends on where its inputs are.
    using model::EncoderOutput;
    for (const auto output : {EncoderOutput::embedding, EncoderOutput::classes, EncoderOutput::tokens}) {
        for (const std::size_t context : {8U, 13U}) {
            model::RandomEncoderOptions options{.layers = 2, .width = 24, .heads = 3, .feed_forward = 48};
            options.context = context;
            options.output = output;
            const model::Transformer model = model::random_encoder(options);
            const model::Tensor text = model.embedding.embed(model::random_tokens(context, options.vocabulary, 99));
            const double found = ratio(model.graph, text, 2048, compile::Positions::all);
            EXPECT_LT(found, kForeseenWithin) << context;
            EXPECT_GT(found, 1 / kForeseenWithin) << context;
        }
    }
}

TEST(Promises, HoldForShortTextsAndFewImages) {
    // clear_logits() looks at all slots.
    const auto shape = fixtures::transformer_shape(1, 16, 2, 12, 32, 11);
    const model::Transformer model = model::random_model(shape);
    for (const auto positions : {compile::Positions::all, compile::Positions::last}) {
        for (const std::size_t images : {1U, 3U}) {
            const compile::Plan plan =
                compile::compile(model.graph, fixtures::plan_options(2048, positions, images == 1 ? 1 : 4));
            for (const std::size_t tokens : {1U, 5U, 12U}) {
                const model::Tensor text = model.embedding.embed(model::random_tokens(tokens, shape.vocabulary, 5));
                model::Tensor texts{images * tokens, text.columns, {}};
                for (std::size_t i = 0; i < images; ++i) {
                    texts.values.insert(texts.values.end(), text.values.begin(), text.values.end());
                }
                ClearBackend backend(plan.frame.parameters, plan.frame.packing);
                EXPECT_EQ(fixtures::clear_logits(plan, backend, texts, images).size(),
                          images * plan.frame.logit_rows({tokens}).front() * shape.vocabulary);
            }
        }
    }
}

}  // namespace
}  // namespace polyformer::runtime
