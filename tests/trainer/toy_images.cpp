#include "tests/trainer/toy_images.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "polyformer/trainer/batches/image_batches.h"

namespace polyformer::train {

PreparedImages toy_images(std::size_t count, std::uint64_t seed) {
    constexpr std::size_t side = 8;
    struct Data {
        std::vector<std::uint16_t> labels;
        std::vector<std::uint8_t> pixels;
    };
    Data data;
    for (std::size_t i = 0; i < count; ++i) {
        const auto label = static_cast<std::uint16_t>(mix(seed, i) % 4);
        data.labels.push_back(label);
        for (std::size_t c = 0; c < 3; ++c) {
            for (std::size_t p = 0; p < side * side; ++p) {
                const bool bright = p / side / 4 == label / 2U && p % side / 4 == label % 2U;
                data.pixels.push_back(static_cast<std::uint8_t>((bright ? 120 : 20) + mix(seed + i, 64 * c + p) % 100));
            }
        }
    }
    const auto owner = std::make_shared<const Data>(std::move(data));
    PreparedImages images;
    images.height = images.width = side;
    images.classes = {"upper left", "upper right", "lower left", "lower right"};
    images.source_digest = std::string(64, '0');
    images.labels = owner->labels;
    images.pixels = owner->pixels;
    images.owner = owner;
    return images;
}

VisionArchitecture toy_vit() {
    VisionArchitecture model;
    model.height = model.width = 8;
    model.classes = 4;
    model.patch = 2;
    model.kernel = 4;
    model.stages = {{.layers = 1, .width = 8, .heads = 2, .feed_forward = 12, .window = 0}};
    model.attention.function = "sigmoid";
    return model;
}

VisionArchitecture toy_swin() {
    VisionArchitecture model = toy_vit();
    model.patch = model.kernel = 1;
    model.stages = {{.layers = 3, .width = 6, .heads = 2, .feed_forward = 10, .window = 4},
                    {.layers = 2, .width = 8, .heads = 2, .feed_forward = 10, .window = 2}};
    model.positions = "relative";
    model.local = "residual";
    model.score_norm = "batch_norm";
    return model;
}

VisionNetwork toy_network(const VisionArchitecture& architecture, std::uint64_t seed) {
    torch::manual_seed(seed);
    torch::set_num_threads(1);
    VisionNetwork network(architecture);
    const torch::NoGradGuard no_gradients;
    for (const torch::Tensor& parameter : network->parameters()) {
        parameter.add_(torch::randn_like(parameter), 0.1);
    }
    const PreparedImages images = toy_images(64, seed);
    network->train();
    for (int i = 0; i < 5; ++i) network->forward(plain_images(images, measure_colours(images), 0, 64).input);
    network->eval();
    for (Site& site : network->sites) site.polynomial = model::Polynomial{-9, 9, {0.4, 0.7, 0.3, -0.1}};
    return network;
}

}  // namespace polyformer::train
