// An image model small enough to know every answer: it tells red, green and blue images apart.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/images/image_input.h"
#include "polyformer/support/system/atomic_file.h"
#include "tests/model/images/image_files.h"

namespace polyformer::model {

/// Images of 8×8 in four patches; logits are 4·p(v), v the mean of a channel in [-1, 1], p the identity instead of
/// tanh.
inline Graph colour_graph() {
    constexpr std::size_t width = 48;
    Matrix channels{.rows = width, .columns = 3, .values = std::vector<float>(width * 3)};
    for (std::size_t feature = 0; feature < width; ++feature) channels.values[feature * 3 + feature / 16] = 1.0F / 16;
    const Matrix four{.rows = 3, .columns = 3, .values = {4, 0, 0, 0, 4, 0, 0, 0, 4}};
    Linear means;
    means.input = 1;
    means.weight = std::move(channels);
    Apply activation;
    activation.input = 2;
    activation.polynomial = {-0.9, 0.9, {0, 0.9}};
    activation.replaces = "tanh";
    Linear logits;
    logits.input = 3;
    logits.weight = four;
    Graph graph{.context = 4, .width = width, .vocabulary = 3, .nodes = {}};
    graph.nodes.push_back({"input", Input{}, 1});
    graph.nodes.push_back({"pooling", TokenMean{0}, 1});
    graph.nodes.push_back({"means", means, 1});
    graph.nodes.push_back({"activation", activation, 1});
    graph.nodes.push_back({"logits", logits, 4});
    return graph;
}

inline ImageInput colour_input() {
    return {.height = 8,
            .width = 8,
            .patch = 4,
            .kernel = 4,
            .mean = {0.5, 0.5, 0.5},
            .deviation = {0.5, 0.5, 0.5},
            .blocks = {},
            .classes = {"red", "green", "blue"}};
}

inline void save_colour_model(const std::filesystem::path& folder) {
    save_graph(colour_graph(), folder);
    save_image_input(colour_input(), folder);
}

/// One colour all over, the others at 40.
inline std::string colour_png(std::size_t channel, std::uint8_t value = 200, std::size_t height = 8,
                              std::size_t width = 8) {
    Image image{.height = height, .width = width, .values = std::vector<std::uint8_t>(height * width * 3, 40)};
    for (std::size_t i = channel; i < image.values.size(); i += 3) image.values[i] = value;
    return encode_png(image);
}

/// test/: three red images, of which one is green all the same; two green ones; a blue one.
inline void write_colour_images(const std::filesystem::path& folder) {
    const auto write = [&](const std::string& name, std::size_t channel) {
        std::filesystem::create_directories((folder / "test" / name).parent_path());
        write_file(folder / "test" / name, colour_png(channel));
    };
    write("red/a.png", 0);
    write("red/b.png", 0);
    write("red/c.png", 1);
    write("green/a.png", 1);
    write("green/b.png", 1);
    write("blue/a.png", 2);
}

}  // namespace polyformer::model
