#include "polyformer/model/images/image_input.h"

#include <algorithm>
#include <limits>
#include <set>

#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

ImageInput small_input() {
    return {.height = 8,
            .width = 12,
            .patch = 2,
            .kernel = 4,
            .mean = {0.5, 0.25, 0},
            .deviation = {0.5, 1, 2},
            .blocks = {2},
            .classes = {"cat", "dog \"Rex\"", "poisson d'été"}};
}

TEST(TokenOrder, IsRowByRowWithoutBlocks) {
    EXPECT_EQ(token_order(2, 3, {}), (std::vector<std::size_t>{0, 1, 2, 3, 4, 5}));
}

TEST(TokenOrder, KeepsBlocksTogether) {
    EXPECT_EQ(token_order(4, 4, {2}), (std::vector<std::size_t>{0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15}));
    EXPECT_EQ(token_order(2, 6, {2}), (std::vector<std::size_t>{0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11}));
}

TEST(TokenOrder, NestsBlocks) {
    const std::vector<std::size_t> order = token_order(8, 8, {2, 4});
    const std::vector<std::size_t> first(order.begin(), order.begin() + 20);
    EXPECT_EQ(first,
              (std::vector<std::size_t>{0, 1, 8, 9, 2, 3, 10, 11, 16, 17, 24, 25, 18, 19, 26, 27, 4, 5, 12, 13}));
    EXPECT_EQ(std::set<std::size_t>(order.begin(), order.end()).size(), 64U);
}

TEST(TokenOrder, RefusesBlocksThatDoNotDivide) {
    expect_error<Error>([] { token_order(8, 8, {2, 3}); }, {"3 × 3", "2 × 2"});
    expect_error<Error>([] { token_order(8, 8, {4, 2}); }, {"2 × 2 patches cannot follow", "4 × 4"});
    expect_error<Error>([] { token_order(8, 8, {0}); }, {"0 × 0"});
    expect_error<Error>([] { token_order(8, 6, {4}); }, {"8 × 6", "4 × 4"});
    expect_error<Error>([] { token_order(1024, 1024, {}); }, {"1024 × 1024", "65536"});
    expect_error<Error>([] { token_order(0, 4, {}); }, {"0 × 4"});
    expect_error<Error>([] { token_order(std::numeric_limits<std::size_t>::max(), 2, {}); }, {"outside"});
}

/// Every value another one: row by row, channels together.
Image counting_image(const ImageInput& input) {
    Image image{.height = input.height, .width = input.width, .values = {}};
    for (std::size_t i = 0; i < image.height * image.width * 3; ++i) {
        image.values.push_back(static_cast<std::uint8_t>(i * 37 % 251));
    }
    return image;
}

TEST(ImageInput, PatchesAreNormalisedSquares) {
    const ImageInput input = small_input();
    const Image image = counting_image(input);
    const Tensor patches = input.patches(image);
    ASSERT_EQ(patches.rows, 24U);
    ASSERT_EQ(patches.columns, 48U);
    const std::vector<std::size_t> order = token_order(4, 6, {2});
    for (std::size_t token = 0; token < 24; ++token) {
        for (std::size_t channel = 0; channel < 3; ++channel) {
            for (std::size_t i = 0; i < 16; ++i) {
                // A margin of one pixel around each patch of 2 × 2.
                const std::size_t below_top = order[token] / 6 * 2 + i / 4;
                const std::size_t right_of_left = order[token] % 6 * 2 + i % 4;
                const bool inside = below_top >= 1 && below_top <= 8 && right_of_left >= 1 && right_of_left <= 12;
                const double found = patches.at(token, channel * 16 + i);
                if (!inside) {
                    EXPECT_EQ(found, 0);
                    continue;
                }
                const double value = image.values[((below_top - 1) * 12 + right_of_left - 1) * 3 + channel];
                EXPECT_NEAR(found, (value / 255 - input.mean[channel]) / input.deviation[channel], 1e-6);
            }
        }
    }
}

TEST(ImageInput, PlanesGiveTheSamePatches) {
    const ImageInput input = small_input();
    const Image image = counting_image(input);
    std::vector<float> planes;
    for (std::size_t channel = 0; channel < 3; ++channel) {
        for (std::size_t i = channel; i < image.values.size(); i += 3) {
            const double value = static_cast<double>(image.values[i]) / 255;
            planes.push_back(static_cast<float>((value - input.mean[channel]) / input.deviation[channel]));
        }
    }
    const Tensor expected = input.patches(image);
    const Tensor found = input.patches(planes);
    EXPECT_EQ(found.values, expected.values);
    planes.pop_back();
    expect_error<Error>([&] { static_cast<void>(input.patches(planes)); }, {"287 values", "12×8"});
}

TEST(ImageInput, OtherSizesAreResizedFirst) {
    const ImageInput input = small_input();
    const Image large{.height = 16, .width = 24, .values = std::vector<std::uint8_t>(16 * 24 * 3, 51)};
    const Image right{.height = 8, .width = 12, .values = std::vector<std::uint8_t>(8 * 12 * 3, 51)};
    EXPECT_EQ(input.patches(large).values, input.patches(right).values);
}

TEST(ImageInput, SurvivesTheFile) {
    const ScratchDirectory directory;
    const ImageInput input = small_input();
    save_image_input(input, directory.path());
    const ImageInput loaded = load_image_input(directory.path());
    EXPECT_EQ(loaded.height, input.height);
    EXPECT_EQ(loaded.width, input.width);
    EXPECT_EQ(loaded.patch, input.patch);
    EXPECT_EQ(loaded.kernel, input.kernel);
    EXPECT_EQ(loaded.mean, input.mean);
    EXPECT_EQ(loaded.deviation, input.deviation);
    EXPECT_EQ(loaded.blocks, input.blocks);
    EXPECT_EQ(loaded.classes, input.classes);
    EXPECT_EQ(loaded.tokens(), 24U);
    EXPECT_EQ(loaded.features(), 48U);
}

TEST(ImageInput, DamagedFilesAreRefused) {
    const ScratchDirectory directory;
    save_image_input(small_input(), directory.path());
    const std::string text = read_file(directory.path() / image_input_file);
    const auto expect = [&](const std::string& from, const std::string& to, const std::vector<std::string>& parts) {
        const std::size_t at = text.find(from);
        ASSERT_NE(at, std::string::npos) << from;
        write_file(directory.path() / image_input_file, std::string(text).replace(at, from.size(), to));
        expect_error<FormatError>([&] { load_image_input(directory.path()); }, parts);
    };
    expect("polyformer-image-input", "polyformer-graph", {"image.json", "'polyformer-graph'"});
    expect("\"version\": 1", "\"version\": 2", {"version 2 is not known"});
    expect("\"height\": 8", "\"height\": 9", {"9 × 12 pixels", "patches of 2"});
    expect("\"height\": 8", "\"height\": 16385", {"'height'", "16384", "16385"});
    expect("\"height\": 8", "\"height\": -8", {"'height'", "-8"});
    expect("\"height\": 8", "\"height\": 0", {"height of 0"});
    expect("\"patch\": 2", "\"patch\": 0", {"patches of 0"});
    expect("\"kernel\": 4", "\"kernel\": 3", {"covers 3", "2 away"});
    expect("\"kernel\": 4", "\"kernel\": 0", {"covers 0"});
    expect("\"mean\": [", "\"mean\": [0.5,", {"'mean'", "4 entries"});
    expect("0.25", "1.25", {"channel 1", "mean is 1.25"});
    expect("\"deviation\": [\n    0.5", "\"deviation\": [\n    0", {"channel 0", "deviation is 0"});
    expect("\"blocks\": [\n    2", "\"blocks\": [\n    3", {"4 × 6 patches", "3 × 3"});
    expect("\"blocks\": [\n    2", "\"blocks\": [\n    2.5", {"'blocks'", "2.5"});
    expect("\"cat\"", "7", {"'classes'", "strings"});
    expect("\"cat\"", "\"\"", {"class 0"});
    expect("\"cat\"", "\"\\n\"", {"class 0", "control characters"});
    expect("\"width\"", "\"wide\"", {"'width' is missing"});
    expect("\"version\": 1", "\"version\": 1, \"colour\": 1", {"unknown key 'colour'"});
}

TEST(ImageInput, UnsoundOnesAreNotSaved) {
    const ScratchDirectory directory;
    const auto expect = [&](auto change, const std::vector<std::string>& parts) {
        ImageInput input = small_input();
        change(input);
        expect_error<Error>([&] { save_image_input(input, directory.path()); }, parts);
    };
    expect([](ImageInput& i) { i.classes.clear(); }, {"0 classes"});
    expect([](ImageInput& i) { i.classes[0] = std::string(257, 'a'); }, {"class 0", "256"});
    expect([](ImageInput& i) { i.classes[0] = "\xff"; }, {"UTF-8"});
    expect([](ImageInput& i) { i.mean[2] = std::numeric_limits<double>::quiet_NaN(); }, {"channel 2", "nan"});
    expect([](ImageInput& i) { i.height = i.width = 1024; }, {"262144 patches", "65536"});
    expect([](ImageInput& i) { i.kernel = 602; }, {"1087212 values"});
    expect([](ImageInput& i) { i.blocks.assign(17, 1); }, {"17 sizes"});
    EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

}  // namespace
}  // namespace polyformer::model
