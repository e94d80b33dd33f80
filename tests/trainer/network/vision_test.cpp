#include "polyformer/trainer/network/vision.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "polyformer/model/builders/vision_builder.h"
#include "polyformer/model/builders/vision_grid.h"
#include "polyformer/model/images/image_input.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"
#include "polyformer/trainer/batches/image_batches.h"
#include "polyformer/trainer/conversion/export.h"
#include "polyformer/trainer/conversion/vision_export.h"
#include "tests/trainer/toy_images.h"

namespace polyformer::train {
namespace {

using torch::Tensor;

/// The largest difference between the network's logits and those of its exported graph.
double difference_to_graph(VisionNetworkImpl& network, std::uint64_t seed) {
    const torch::NoGradGuard no_gradients;
    const PreparedImages images = toy_images(4, seed);
    const Batch batch = plain_images(images, measure_colours(images), 0, 4);
    const Tensor logits = network.forward(batch.input);
    const model::VisionWeights weights = export_weights(network);
    const model::Graph graph = model::build_vision_transformer(weights, export_polynomials(network));
    const VisionArchitecture& shape = network.architecture;
    const model::ImageInput input{.height = shape.height,
                                  .width = shape.width,
                                  .patch = shape.patch,
                                  .kernel = shape.kernel,
                                  .blocks = model::token_blocks(weights),
                                  .classes = images.classes};
    double worst = 0;
    const std::size_t values = 3 * shape.height * shape.width;
    for (std::int64_t i = 0; i < 4; ++i) {
        const float* planes = batch.input.data_ptr<float>() + i * static_cast<std::int64_t>(values);
        const model::Tensor found =
            model::evaluate(graph, input.patches(std::span<const float>(planes, values))).logits;
        EXPECT_EQ(found.rows, 1U);
        for (std::size_t c = 0; c < found.columns; ++c) {
            const double wanted = logits[i][static_cast<std::int64_t>(c)].item<double>();
            worst = larger(worst, std::abs(found.at(0, c) - wanted));
        }
    }
    return worst;
}

TEST(VisionNetwork, OfOneStageIsItsGraph) {
    EXPECT_LT(difference_to_graph(*toy_network(toy_vit(), 1), 2), 1e-4);
}

TEST(VisionNetwork, WithWindowsShiftsAndMergesIsItsGraph) {
    EXPECT_LT(difference_to_graph(*toy_network(toy_swin(), 3), 4), 1e-4);
}

TEST(VisionNetwork, InEveryVariantIsItsGraph) {
    for (const char* local : local_choices) {
        for (const char* positions : position_choices) {
            VisionArchitecture shape = toy_swin();
            shape.local = local;
            shape.positions = positions;
            shape.score_norm = "none";
            shape.hidden_norm = local == std::string("none") ? "none" : "batch_norm";
            shape.attention.length = "context";
            EXPECT_LT(difference_to_graph(*toy_network(shape, 5), 6), 1e-4) << local << ", " << positions;
        }
    }
}

TEST(VisionNetwork, SeesNothingAcrossTheBorderThroughShiftedWindows) {
    VisionArchitecture shape = toy_swin();
    shape.stages = {{.layers = 2, .width = 6, .heads = 2, .feed_forward = 10, .window = 4}};
    shape.local = "none";
    VisionNetwork network = toy_network(shape, 7);
    const Tensor mask = network->layers[1]->mask;        // (windows, W, W)
    EXPECT_EQ(mask[0].sum().item<double>(), 16 * 16);    // the first window lies inside
    EXPECT_EQ(mask[1].sum().item<double>(), 2 * 8 * 8);  // cut by one border
    EXPECT_EQ(mask[3].sum().item<double>(), 4 * 4 * 4);  // in the corner, by two
    EXPECT_EQ(network->layers[0]->mask.sum().item<double>(), 4 * 16 * 16);
}

TEST(VisionNetwork, RecordsWhatEntersEachSite) {
    VisionNetwork network = toy_network(toy_vit(), 1);
    const PreparedImages images = toy_images(3, 1);
    std::vector<Tensor> inputs;
    network->forward(plain_images(images, measure_colours(images), 0, 3).input, &inputs);
    ASSERT_EQ(inputs.size(), 2U);
    ASSERT_EQ(network->sites.size(), 2U);
    EXPECT_EQ(network->sites[0].name, "layers.0.attention.activation");
    EXPECT_EQ(inputs[0].sizes(), (std::vector<std::int64_t>{3, 2, 16, 16}));
    EXPECT_EQ(inputs[1].sizes(), (std::vector<std::int64_t>{3, 16, 12}));
}

TEST(VisionNetwork, OfLayerNormsAndSoftmaxHasNoPolynomialForm) {
    VisionArchitecture shape = toy_vit();
    EXPECT_EQ(obstacle_to_substitution(shape), "");
    shape.norm = "layer_norm";
    EXPECT_NE(obstacle_to_substitution(shape).find("batch_norm"), std::string::npos);
    EXPECT_THROW(export_weights(*VisionNetwork(shape)), Error);
    shape.norm = "batch_norm";
    shape.attention.form = "softmax";
    EXPECT_NE(obstacle_to_substitution(shape).find("pointwise"), std::string::npos);
}

TEST(VisionNetwork, RefusesShapesThatDoNotFit) {
    VisionArchitecture shape = toy_vit();
    shape.patch = 3;
    EXPECT_THROW(VisionNetwork{shape}, Error);
    shape = toy_vit();
    shape.kernel = 3;
    EXPECT_THROW(VisionNetwork{shape}, Error);
    shape = toy_swin();
    shape.stages[0].window = 3;
    EXPECT_THROW(VisionNetwork{shape}, Error);
    shape = toy_swin();
    shape.stages[1].heads = 3;
    EXPECT_THROW(VisionNetwork{shape}, Error);
}

}  // namespace
}  // namespace polyformer::train
