#include "model/image_input.h"

#include <algorithm>
#include <limits>
#include <set>

#include "fixtures.h"

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
    expect("\"version\": 1", "\"version\": 1, \"colour\": 1", {"'colour' is not known"});
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
