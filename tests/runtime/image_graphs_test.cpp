// Graphs of image models: plans of them give the interpreter's logits, for one image and for several at once.
#include <gtest/gtest.h>

#include "polyformer/compile/compile.h"
#include "polyformer/compile/layout/slots.h"
#include "polyformer/model/builders/random_vision_model.h"
#include "polyformer/support/error.h"
#include "tests/runtime/fixtures.h"
#include "tests/runtime/random_graph.h"

namespace polyformer::runtime {
namespace {

using compile::Positions;
using fixtures::Builder;
using model::NodeId;

/// A vision transformer over a square grid of patches.
model::Graph vision_transformer(std::size_t side, std::size_t classes) {
    const std::size_t tokens = side * side;
    Builder builder(tokens, 6);
    NodeId x = builder.constant(builder.linear(builder.input(), 6, 8), tokens, 8);
    for (int layer = 0; layer < 2; ++layer) {
        x = builder.convolution(x, side, side, 8);
        x = builder.sum(x, builder.attention(x, tokens, 8, 2, 0));
        x = builder.sum(x, builder.linear(builder.apply(builder.linear(x, 8, 12)), 12, 8));
    }
    builder.linear(builder.add(model::TokenMean{x}), 8, classes);
    return builder.finish_fitted(classes);
}

/// Windows of four tokens, then merged by four: windows of all tokens or smaller ones.
model::Graph windowed_transformer(std::size_t tokens, std::size_t window, std::size_t later_window) {
    Builder builder(tokens, 6);
    NodeId x = builder.linear(builder.input(), 6, 8);
    x = builder.sum(x, builder.attention(x, tokens, 8, 2, window));
    x = builder.shuffle(x, tokens, 8);
    x = builder.sum(x, builder.attention(x, tokens, 8, 2, window));
    x = builder.linear(builder.add(model::MergeTokens{x, 4}), 32, 8);
    x = builder.constant(x, tokens / 4, 8);
    x = builder.sum(x, builder.attention(x, tokens / 4, 8, 2, later_window));
    x = builder.sum(x, builder.linear(builder.apply(builder.linear(x, 8, 12)), 12, 8));
    builder.linear(builder.add(model::TokenMean{x}), 8, 7);
    return builder.finish_fitted(7);
}

/// `images` calibration samples, one after the other.
model::Tensor samples(const model::Graph& graph, std::size_t images) {
    const Builder builder(graph.context, graph.width);
    model::Tensor all{images * graph.context, graph.width, {}};
    for (std::size_t image = 0; image < images; ++image) {
        const model::Tensor one = builder.text(graph.context, 1 + static_cast<unsigned>(image % 2));
        all.values.insert(all.values.end(), one.values.begin(), one.values.end());
    }
    return all;
}

/// Every image's logits are the interpreter's, and no slot leaves [-1, 1], or goes far beyond where rows are left over.
/// Returns the plan.
compile::Plan expect_interpreters_logits(const model::Graph& graph, std::size_t images = 1,
                                         std::size_t ring_dimension = 2048) {
    compile::Plan plan = compile::compile(graph, fixtures::plan_options(ring_dimension, Positions::all, images));
    ClearBackend backend(plan.frame.parameters, plan.frame.packing, {.noise = false});
    const model::Tensor input = samples(graph, images);
    const std::vector<double> logits = fixtures::clear_logits(plan, backend, input, images);
    std::vector<double> exact;
    const std::size_t values = graph.context * graph.width;
    for (std::size_t image = 0; image < images; ++image) {
        const auto first = input.values.begin() + static_cast<std::ptrdiff_t>(image * values);
        const model::Tensor one{graph.context, graph.width, {first, first + static_cast<std::ptrdiff_t>(values)}};
        const std::vector<double> of_image = fixtures::exact_logits(graph, one, Positions::all);
        exact.insert(exact.end(), of_image.begin(), of_image.end());
    }
    const double size = fixtures::largest_difference(exact, std::vector<double>(exact.size(), 0.0));
    EXPECT_LT(fixtures::largest_difference(logits, exact), 1e-6 * (1 + size));
    const double most = plan.frame.packing.tokens == plan.frame.context ? 1.0001 : 1.5;
    for (const Excursion& excursion : backend.excursions()) EXPECT_LE(excursion.worst, most) << excursion.step;
    return plan;
}

TEST(ImageGraphs, VisionTransformer) {
    const compile::Plan plan = expect_interpreters_logits(vision_transformer(4, 5));
    EXPECT_TRUE(plan.frame.one_row);
    EXPECT_EQ(plan.frame.least_rows, 16U);
    EXPECT_EQ(plan.outputs.size(), 1U);
}

TEST(ImageGraphs, GridsThatAreNoPowerOfTwo) {
    expect_interpreters_logits(vision_transformer(3, 5));
    expect_interpreters_logits(vision_transformer(5, 40));
}

TEST(RandomVisionModels, GiveTheInterpretersLogits) {
    model::RandomVisionOptions vit;
    vit.hidden_local = true;
    model::RandomVisionOptions swin;
    swin.rows = swin.columns = 8;
    swin.features = 12;
    swin.stages = {{2, 16, 2, 4}, {2, 32, 4, 0}};
    swin.attention_function = "sigmoid";
    swin.activation_degree = 7;
    for (const model::RandomVisionOptions& options : {vit, swin}) {
        const model::Graph graph = model::random_vision_model(options);
        // A sample that its bounds come from.
        const model::Tensor patches = model::random_patches(graph.context, graph.width, options.seed + 1);
        const compile::Plan plan = compile::compile(graph, fixtures::plan_options(4096, Positions::all));
        ClearBackend backend(plan.frame.parameters, plan.frame.packing, {.noise = false});
        const std::vector<double> exact = fixtures::exact_logits(graph, patches, Positions::all);
        EXPECT_LT(fixtures::largest_difference(fixtures::clear_logits(plan, backend, patches), exact), 1e-6);
        for (const Excursion& excursion : backend.excursions()) EXPECT_LE(excursion.worst, 1.0001) << excursion.step;
    }
}

TEST(ImageGraphs, MoreClassesThanPositions) {
    const compile::Plan plan = expect_interpreters_logits(vision_transformer(4, 300), 1, 4096);
    EXPECT_EQ(plan.outputs.size(), 1U);  // spread over the rows
}

TEST(ImageGraphs, WindowsThatMerge) {
    expect_interpreters_logits(windowed_transformer(16, 4, 0));
    expect_interpreters_logits(windowed_transformer(32, 8, 4));
    expect_interpreters_logits(windowed_transformer(32, 16, 2), 1, 4096);
    expect_interpreters_logits(windowed_transformer(16, 1, 1));
}

TEST(ImageGraphs, WindowsOfGridsThatAreNoPowerOfTwo) {
    expect_interpreters_logits(windowed_transformer(24, 4, 3));
    expect_interpreters_logits(windowed_transformer(24, 12, 0), 1, 4096);
}

TEST(ImageGraphs, ShiftsOfManyDistances) {
    Builder builder(32, 4);
    NodeId x = builder.shuffle(builder.input(), 32, 4);
    x = builder.shuffle(builder.convolution(x, 4, 8, 4), 32, 4);
    builder.linear(builder.add(model::TokenMean{builder.apply(x)}), 4, 3);
    expect_interpreters_logits(builder.finish_fitted(3));
}

TEST(ImageGraphs, TokensThatAreMergedIntoOne) {
    Builder builder(8, 6);
    const NodeId x = builder.linear(builder.add(model::MergeTokens{builder.input(), 8}), 48, 10);
    builder.linear(builder.apply(x), 10, 4);
    expect_interpreters_logits(builder.finish_fitted(4));
}

TEST(ImageGraphs, WorkOnTheMeanOverTokens) {
    Builder builder(8, 6);
    const NodeId x = builder.add(model::TokenMean{builder.convolution(builder.input(), 2, 4, 6)});
    const NodeId y = builder.linear(builder.apply(builder.linear(x, 6, 10)), 10, 6);
    builder.constant(builder.sum(builder.add(model::TokenMean{y}), builder.apply(x)), 1, 6);
    expect_interpreters_logits(builder.finish_fitted(6));
}

TEST(ImageGraphs, MergedTokensThatAreMixedAndAddedTo) {
    Builder builder(16, 6);
    const NodeId merged = builder.add(model::MergeTokens{builder.input(), 4});
    const NodeId mixed = builder.sum(builder.convolution(merged, 2, 2, 24), merged);
    builder.linear(builder.add(model::TokenMean{builder.apply(mixed)}), 24, 4);
    expect_interpreters_logits(builder.finish_fitted(4));
}

TEST(SeveralImages, VisionTransformer) {
    const model::Graph graph = vision_transformer(4, 5);
    for (const std::size_t images : {2U, 4U}) {
        const compile::Plan plan = expect_interpreters_logits(graph, images);
        EXPECT_EQ(plan.frame.packing.images, images);
    }
    // Features beyond a ciphertext's positions spread over several.
    EXPECT_GT(expect_interpreters_logits(graph, 8).inputs.size(), 0U);
    EXPECT_EQ(
        compile::largest_image_count(graph, ckks::Parameters::create(ckks::presets::insecure_bootstrapping(2048))), 8U);
}

TEST(SeveralImages, GridsThatAreNoPowerOfTwo) {
    expect_interpreters_logits(vision_transformer(3, 40), 4);
}

TEST(SeveralImages, WindowsThatMerge) {
    expect_interpreters_logits(windowed_transformer(16, 4, 0), 2);
    expect_interpreters_logits(windowed_transformer(32, 8, 4), 2, 4096);
}

TEST(SeveralImages, MoreClassesThanPositions) {
    expect_interpreters_logits(vision_transformer(4, 300), 4, 4096);
}

TEST(SeveralImages, PlacesLeftOverRepeatTheLastOne) {
    const model::Graph graph = vision_transformer(4, 5);
    const compile::Plan plan = compile::compile(graph, fixtures::plan_options(2048, Positions::all, 4));
    ClearBackend backend(plan.frame.parameters, plan.frame.packing, {.noise = false});
    const model::Tensor three = samples(graph, 3);
    const model::Tensor four = samples(graph, 4);
    std::vector<double> all = fixtures::clear_logits(plan, backend, four, 4);
    all.resize(15);
    EXPECT_LT(fixtures::largest_difference(fixtures::clear_logits(plan, backend, three, 3), all), 1e-9);
    EXPECT_THROW(compile::pack_input(plan.frame, samples(graph, 5).values, compile::Lengths(5, 16)), Error);
    EXPECT_THROW(compile::pack_input(plan.frame, three.values, compile::Lengths(4, 16)), Error);
}

TEST(SeveralImages, OrTextsSideBySide) {
    const model::Transformer model = model::random_model(fixtures::transformer_shape(2, 16, 2, 8, 32, 20));
    for (const Positions positions : {Positions::all, Positions::last}) {
        const compile::Plan plan = compile::compile(model.graph, fixtures::plan_options(2048, positions, 4));
        ClearBackend backend(plan.frame.parameters, plan.frame.packing, {.noise = false});
        model::Tensor texts{12, 16, {}};
        std::vector<double> exact;
        for (unsigned text = 0; text < 2; ++text) {
            const model::Tensor one = model.embedding.embed(model::random_tokens(6, 20, 4 + text));
            texts.values.insert(texts.values.end(), one.values.begin(), one.values.end());
            const std::vector<double> logits = fixtures::exact_logits(model.graph, one, positions);
            exact.insert(exact.end(), logits.begin(), logits.end());
        }
        EXPECT_LT(fixtures::largest_difference(fixtures::clear_logits(plan, backend, texts, 2), exact), 1e-5);
    }
}

TEST(SeveralImages, AreRefusedWhereTheyDoNotFit) {
    const model::Graph graph = vision_transformer(4, 5);
    for (const std::size_t images : {0U, 3U, 16U, 128U}) {
        EXPECT_THROW(compile::compile(graph, fixtures::plan_options(2048, Positions::all, images)), Error) << images;
    }
}

}  // namespace
}  // namespace polyformer::runtime
