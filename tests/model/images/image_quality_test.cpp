#include "polyformer/model/images/image_quality.h"

#include <cmath>
#include <numeric>

#include "polyformer/model/images/image_model.h"
#include "polyformer/model/interpreter/interval_report.h"
#include "tests/model/fixtures.h"
#include "tests/model/images/colour_model.h"

namespace polyformer::model {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ImageQualityTest : public testing::Test {
  protected:
    void SetUp() override {
        save_colour_model(model());
        write_colour_images(data());
    }

    fs::path model() const { return scratch_.path() / "model"; }
    fs::path data() const { return scratch_.path() / "data"; }

    ImageQuality measure(std::size_t most_images = 0, const std::string& split = "test") const {
        return measure_image_quality(
            {.model = model(), .data = data(), .split = split, .most_images = most_images, .quiet = true});
    }

  private:
    ScratchDirectory scratch_;
};

/// −log softmax of 4·f(v), v the colours' shares of [-1, 1].
double loss_of(double bright, double dark) {
    return std::log(1 + 2 * std::exp(4 * (dark - bright)));
}

TEST_F(ImageQualityTest, AccuracyAndLossAreThoseOfTheImages) {
    const ImageQuality quality = measure();
    EXPECT_EQ(quality.images, 6U);
    EXPECT_EQ(quality.images_in_split, 6U);
    EXPECT_DOUBLE_EQ(quality.polynomial.top_1, 5.0 / 6);
    EXPECT_DOUBLE_EQ(quality.polynomial.top_5, 1);
    EXPECT_DOUBLE_EQ(quality.before_substitution.top_1, 5.0 / 6);
    EXPECT_DOUBLE_EQ(quality.agreement, 1);
    const double bright = 200 / 127.5 - 1;
    const double dark = 40 / 127.5 - 1;
    // The mistaken image: the right class is dark, and of the others one is bright.
    const double wrong = loss_of(bright, dark) + 4 * (bright - dark);
    EXPECT_NEAR(quality.polynomial.loss, (5 * loss_of(bright, dark) + wrong) / 6, 1e-6);
    const double exact = loss_of(std::tanh(bright), std::tanh(dark));
    EXPECT_NEAR(quality.before_substitution.loss, exact + 4 * (std::tanh(bright) - std::tanh(dark)) / 6, 1e-6);
}

TEST_F(ImageQualityTest, ClassesAreMatchedByName) {
    const Confusion confusion = measure().confusion;
    EXPECT_THAT(confusion.classes, ElementsAre("red", "green", "blue"));
    EXPECT_THAT(confusion.counts, ElementsAre(2, 1, 0, 0, 2, 0, 0, 0, 1));
    EXPECT_EQ(confusion.images_of(0), 3U);
    const std::vector<ConfusedPair> pairs = worst_pairs(confusion, 5);
    ASSERT_THAT(pairs, SizeIs(1));
    EXPECT_EQ(pairs[0].actual, 0U);
    EXPECT_EQ(pairs[0].found, 1U);
    EXPECT_EQ(pairs[0].images, 1U);
}

TEST_F(ImageQualityTest, WorstPairsComeFirst) {
    const Confusion confusion{.classes = {"a", "b", "c"}, .counts = {9, 1, 3, 0, 9, 2, 5, 0, 9}};
    const std::vector<ConfusedPair> pairs = worst_pairs(confusion, 3);
    ASSERT_THAT(pairs, SizeIs(3));
    EXPECT_EQ(pairs[0].images, 5U);
    EXPECT_EQ(pairs[0].actual, 2U);
    EXPECT_EQ(pairs[1].images, 3U);
    EXPECT_EQ(pairs[2].images, 2U);
    EXPECT_THAT(worst_pairs(confusion, 9), SizeIs(4));
    EXPECT_THAT(worst_pairs(confusion, 0), IsEmpty());
}

TEST_F(ImageQualityTest, InputsOutsideIntervalsAreCounted) {
    write_file(data() / "test/blue/a.png", colour_png(2, 255));  // 1, above 0.9
    const ImageQuality quality = measure();
    ASSERT_THAT(quality.intervals, SizeIs(1));
    EXPECT_EQ(quality.intervals[0].values, 18U);
    EXPECT_EQ(quality.intervals[0].outside, 1U);
    EXPECT_DOUBLE_EQ(quality.outside_share, 1.0 / 18);
    EXPECT_NEAR(quality.intervals[0].largest, 1, 1e-6);
}

TEST_F(ImageQualityTest, LooksAtAPartOfTheSplit) {
    const ImageQuality quality = measure(3);
    EXPECT_EQ(quality.images, 3U);
    EXPECT_EQ(quality.images_in_split, 6U);
    const std::vector<std::size_t>& counts = quality.confusion.counts;
    EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), std::size_t{0}), 3U);
    EXPECT_EQ(measure(100).images, 6U);
}

TEST_F(ImageQualityTest, ReportsNameClassesAndNumbers) {
    const ImageQuality quality = measure();
    const std::string text = describe(quality);
    for (const char* part : {"test split (6 images; 3 classes)", "83.33 %", "100.00 %", "1 of 3", "worst: red 67 %"}) {
        EXPECT_THAT(text, HasSubstr(part));
    }
    EXPECT_THAT(describe(measure(3)), HasSubstr("3 of 6 images"));
    const nlohmann::ordered_json json = to_json(quality);
    EXPECT_EQ(json["confusion"]["rows_are_actual_classes"][0][1], 1);
    EXPECT_EQ(json["confusion"]["classes"][2], "blue");
    EXPECT_EQ(json["confused_most"][0]["taken_for"], "green");
    EXPECT_EQ(json["class_accuracy"]["green"], 1);
    EXPECT_EQ(json["accuracy"]["polynomial"]["top_1"], quality.polynomial.top_1);
}

TEST_F(ImageQualityTest, DataOfOtherClassesAreRefused) {
    const auto measure_it = [&] { measure(); };
    fs::rename(data() / "test/blue", data() / "test/azure");
    expect_error<FormatError>(measure_it, {"'azure'", "red, green, blue"});
    fs::create_directories(data() / "test/blue");
    expect_error<FormatError>(measure_it, {"3 classes", "has 4"});
}

TEST_F(ImageQualityTest, WhatIsMissingOrDamagedIsNamed) {
    expect_error<IoError>([&] { measure(0, "train"); }, {"no folder train"});
    write_file(data() / "test/red/b.png", "none");
    expect_error<FormatError>([&] { measure(); }, {"red/b.png"});
    EXPECT_TRUE(takes_images(model()));
    EXPECT_FALSE(takes_images(data()));
}

TEST_F(ImageQualityTest, PartsOfOtherModelsAreRefused) {
    ImageInput input = colour_input();
    input.classes.emplace_back("white");
    save_image_input(input, model());
    expect_error<FormatError>([&] { load_image_model(model()); }, {"names 4 classes", "gives 3 logits"});
    input = colour_input();
    input.patch = 8;
    input.kernel = 8;
    save_image_input(input, model());
    expect_error<FormatError>([&] { load_image_model(model()); }, {"1 patches of 192 features", "takes 4 of 48"});
    fs::remove(model() / "image.json");
    expect_error<IoError>([&] { load_image_model(model()); }, {"image.json"});
}

TEST(IntervalReports, AreMerged) {
    std::vector<IntervalReport> all;
    merge(all, {{"a", 0, 1, 10, 2, -1, 3}});
    merge(all, {{"a", 0, 1, 30, 4, -2, 2}});
    ASSERT_THAT(all, SizeIs(1));
    EXPECT_EQ(all[0].values, 40U);
    EXPECT_EQ(all[0].smallest, -2);
    EXPECT_EQ(all[0].largest, 3);
    EXPECT_DOUBLE_EQ(outside_share(all), 6.0 / 40);
    EXPECT_DOUBLE_EQ(outside_share({}), 0);
}

}  // namespace
}  // namespace polyformer::model
