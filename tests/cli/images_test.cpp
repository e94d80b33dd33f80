// Image models through the programs: evaluation, plans for several images, the roles, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "polyformer/support/system/atomic_file.h"
#include "tests/cli/program.h"
#include "tests/model/images/colour_model.h"

namespace polyformer::test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kTinyRing = " --insecure-ring-dimension 2048";

/// A folder with a random image model "images", the model of colours "colours", its data "data", and the images a.png,
/// b.jpg and c.png; a plan "plan" of "images" for two at a time, and its keys.
const Folder& image_folder() {
    static const Folder folder;
    static const bool done = [] {
        folder.must(
            "random-model images --image-size 8 --patch 4 --layers 1 --width 16 --heads 2 --classes 7 "
            "--activation-degree 7");
        model::save_colour_model(folder.path("colours"));
        model::write_colour_images(folder.path("data"));
        write_file(folder.path("a.png"), model::encode_png(model::patterned_image(8, 8)));
        write_file(folder.path("b.jpg"), model::encode_jpeg(model::patterned_image(20, 31, 5).values, 20, 31));
        write_file(folder.path("c.png"), model::encode_png(model::patterned_image(9, 7, 2)));
        folder.must(std::string("plan images --images 2 --out plan") + kTinyRing);
        folder.must("keygen plan/client --secret secret.key --server-keys keys.bin --allow-insecure");
        return true;
    }();
    EXPECT_TRUE(done);
    return folder;
}

void expect_refused(const Result& result, int exit_code, const testing::Matcher<const std::string&>& message) {
    EXPECT_EQ(result.exit_code, exit_code) << result.output;
    EXPECT_THAT(result.output, AllOf(HasSubstr("error: "), message));
}

TEST(Images, EvaluationReportsAccuracyAndConfusion) {
    const Folder& folder = image_folder();
    const std::string table = folder.must("eval colours --data data --quiet --json eval.json");
    EXPECT_THAT(table, AllOf(HasSubstr("test split (6 images; 3 classes)"), HasSubstr("83.33 %")));
    const json report = folder.json("eval.json");
    EXPECT_EQ(report["confused_most"][0]["class"], "red");
    EXPECT_EQ(report["confusion"]["rows_are_actual_classes"].size(), 3U);
    EXPECT_THAT(folder.must("eval colours --data data --quiet --most-images 3"), HasSubstr("3 of 6 images"));
}

TEST(Images, EvaluationRefusesWhatIsForLanguageModels) {
    const Folder& folder = image_folder();
    write_file(folder.path("text.txt"), "A text\n");
    expect_refused(folder.polyformer("eval colours --text-file text.txt"), 2, HasSubstr("'colours' is an image model"));
    expect_refused(folder.polyformer("eval images --data data"), 4, HasSubstr("7 classes"));
    expect_refused(folder.polyformer("eval colours --data ."), 3, HasSubstr("no images that can be made out"));
    expect_refused(folder.polyformer("eval colours --split valid", "POLYFORMER_DATA=data"), 3,
                   HasSubstr("none of data"));
    expect_refused(folder.polyformer("eval " POLYFORMER_SOURCES "/models/wikitext-small --data data"), 2,
                   AllOf(HasSubstr("holds images"), HasSubstr("language model")));
    expect_refused(folder.polyformer("eval " POLYFORMER_SOURCES "/models/wikitext-small --most-images 3"), 2,
                   HasSubstr("--most-images is for image models"));
}

TEST(Images, LabelledImagesAreCountedWhereTheyAreRecognised) {
    const Folder& folder = image_folder();
    const std::string table = folder.must("run colours --data data --most-images 4 --backend clear --json out.json");
    const json out = folder.json("out.json");
    EXPECT_EQ(out.at("images").size(), 4U);
    EXPECT_EQ(out.at("requests"), 1);
    // The model errs on one of the six test images.
    EXPECT_EQ(out.at("right_classes").at("encrypted"), out.at("right_classes").at("polynomial"));
    EXPECT_GE(out.at("right_classes").at("polynomial"), 3);
    EXPECT_LT(out.at("max_relative_logit_error"), 2e-6);
    EXPECT_THAT(table, AllOf(HasSubstr("of 4 from the clear back end"), HasSubstr("(red)")));
    expect_refused(folder.polyformer("run images --data data --backend clear"), 4, HasSubstr("7 classes"));
    expect_refused(folder.polyformer("run " POLYFORMER_SOURCES "/models/wikitext-small --data data"), 2,
                   HasSubstr("language model"));
    EXPECT_NE(folder.polyformer("run colours --data data --image a.png").exit_code, 0);
    EXPECT_NE(folder.polyformer("run colours --most-images 4 --image a.png").exit_code, 0);
}

TEST(Images, OneImageOnCiphertextGetsTheClassThatItHasInTheClear) {
    const Folder& folder = image_folder();
    const std::string text =
        folder.must(std::string("run images --image a.png --backend ckks --json out.json") + kTinyRing);
    EXPECT_THAT(text, AllOf(HasSubstr("most likely class"), HasSubstr("from ciphertext"), HasSubstr("class ")));
    const json out = folder.json("out.json");
    EXPECT_EQ(out.at("requests"), 1);
    EXPECT_EQ(out.at("plan").at("images"), 1);
    EXPECT_EQ(out.at("argmax_agreement"), 1);
    EXPECT_LT(out.at("max_abs_logit_error"), 0.01);
    EXPECT_EQ(out.at("seconds").at("infer_an_image"), out.at("seconds").at("infer"));
    const json& image = out.at("images").at(0);
    EXPECT_EQ(image.at("input"), "a.png");
    EXPECT_EQ(image.at("found").size(), 5U);
    EXPECT_EQ(image.at("found")[0].at("class"), image.at("polynomial")[0].at("class"));
}

TEST(Images, SeveralImagesShareACiphertext) {
    const Folder& folder = image_folder();
    const std::string run =
        "run images --image a.png --image b.jpg --image c.png --backend clear" + std::string(kTinyRing);
    const std::string text = folder.must(run + " --json out.json");
    EXPECT_THAT(text, AllOf(HasSubstr("4 inputs x"), HasSubstr("inference an image"), HasSubstr("b.jpg")));
    const json out = folder.json("out.json");
    EXPECT_EQ(out.at("plan").at("images"), 4);
    EXPECT_EQ(out.at("requests"), 1);
    EXPECT_EQ(out.at("images").size(), 3U);
    EXPECT_LT(out.at("max_abs_logit_error"), 0.01);
    folder.must(run + " --images 2 --json two.json");
    const json two = folder.json("two.json");
    EXPECT_EQ(two.at("requests"), 2);
    EXPECT_LT(two.at("max_abs_logit_error"), 0.01);
    EXPECT_EQ(two.at("images")[2].at("input"), "c.png");
    EXPECT_EQ(two.at("images")[2].at("polynomial"), out.at("images")[2].at("polynomial"));
}

TEST(Images, RolesClassifyTwoImagesAtATime) {
    const Folder& folder = image_folder();
    EXPECT_TRUE(std::filesystem::exists(folder.path("plan/client/image.json")));
    EXPECT_FALSE(std::filesystem::exists(folder.path("plan/client/embedding.safetensors")));
    EXPECT_FALSE(std::filesystem::exists(folder.path("plan/server/image.json")));
    const std::string images = " --image a.png --image b.jpg";
    EXPECT_THAT(folder.must("encrypt plan/client --secret secret.key --request request.bin" + images),
                HasSubstr("2 image(s) encrypted"));
    folder.must("infer plan/server --keys keys.bin --request request.bin --reply reply.bin");
    const std::string decrypt = "decrypt plan/client --secret secret.key --reply reply.bin";
    EXPECT_THAT(folder.must(decrypt), AllOf(HasSubstr("image 1, most likely class"), HasSubstr("image 2, most")));
    folder.must(decrypt + " --compare-with images --json out.json" + images);
    const json out = folder.json("out.json");
    EXPECT_EQ(out.at("images").size(), 2U);
    EXPECT_FALSE(out.at("images")[1].contains("logits"));
    EXPECT_LT(out.at("max_abs_logit_error"), 0.01);
    EXPECT_EQ(out.at("compared")[1].at("input"), "b.jpg");
    expect_refused(folder.polyformer(decrypt + " --compare-with images --image a.png"), 2, HasSubstr("logits"));
}

TEST(Images, ShippedModelsPlanAtFullSecurity) {
    const Folder& folder = image_folder();
    std::size_t found = 0;
    for (const auto& model : std::filesystem::directory_iterator(POLYFORMER_SOURCES "/models")) {
        if (!std::filesystem::exists(model.path() / "image.json")) continue;
        ++found;
        folder.must("plan " + model.path().string() + " --json shipped.json");
        const json plan = folder.json("shipped.json");
        EXPECT_EQ(plan.at("security_bits"), 128) << model.path();
        EXPECT_LE(plan.at("log2_qp"), 1747) << model.path();
        EXPECT_LT(plan.at("key_bytes_memory").get<double>(), 8e9) << model.path();
    }
    EXPECT_GE(found, 1U);
}

TEST(Images, PlansSayHowManyImages) {
    const Folder& folder = image_folder();
    const std::string plan = std::string("plan images") + kTinyRing;
    folder.must(plan + " --json one.json");
    EXPECT_EQ(folder.json("one.json").at("images"), 1);
    EXPECT_THAT(folder.must(plan + " --images most --json most.json"), HasSubstr("each)"));
    EXPECT_GT(folder.json("most.json").at("images"), 4);
    expect_refused(folder.polyformer(plan + " --images 3"), 2,
                   HasSubstr("--images 3 (or --texts): give a power of two"));
    expect_refused(folder.polyformer(plan + " --images two"), 2, HasSubstr("--images two"));
}

TEST(Images, TextsAndImagesAreNotMixedUp) {
    const Folder& folder = image_folder();
    const std::string run = std::string(" --backend clear") + kTinyRing;
    expect_refused(folder.polyformer("run images --text cat" + run), 2,
                   AllOf(HasSubstr("'images' is of an image model"), HasSubstr("--image")));
    expect_refused(folder.polyformer("run images" + run), 2, HasSubstr("--image FILE"));
    expect_refused(folder.polyformer("run " POLYFORMER_SOURCES "/models/wikitext-small --image a.png" + run), 2,
                   AllOf(HasSubstr("language model"), HasSubstr("'a.png'")));
    EXPECT_EQ(folder.polyformer("run images --image a.png --text cat" + run).exit_code, 2);
    write_file(folder.path("text.png"), "no image");
    expect_refused(folder.polyformer("run images --image text.png" + run), 4,
                   AllOf(HasSubstr("'text.png'"), HasSubstr("neither a PNG nor a JPEG")));
    expect_refused(folder.polyformer("run images --image nowhere.png" + run), 3, HasSubstr("nowhere.png"));
    expect_refused(folder.polyformer("encrypt plan/client --secret secret.key --request r.bin --text cat"), 2,
                   HasSubstr("image model"));
    expect_refused(folder.polyformer("encrypt plan/client --secret secret.key --request r.bin --image a.png --image "
                                     "a.png --image a.png"),
                   2, HasSubstr("1 to 2"));
    EXPECT_FALSE(std::filesystem::exists(folder.path("r.bin")));
}

TEST(Images, DataSetsAreCheckedBeforeTheyAppear) {
    const Folder& folder = image_folder();
    expect_refused(folder.polyformer("data cifar-100 --from data --out cifar"), 4,
                   AllOf(HasSubstr("none of the files of cifar-100"), HasSubstr("train.bin")));
    expect_refused(folder.polyformer("data tiny-imagenet --from nowhere"), 3, HasSubstr("nowhere"));
    write_file(folder.path("broken.zip"), "PK\3\4 and nothing more");
    expect_refused(folder.polyformer("data tiny-imagenet --from broken.zip --out tiny"), 4, HasSubstr("broken.zip"));
    EXPECT_TRUE(std::filesystem::is_empty(folder.path("tiny")));
    expect_refused(folder.polyformer("data cifar-100 --out fresh", "https_proxy=http://127.0.0.1:1"), 3,
                   AllOf(HasSubstr("https://"), HasSubstr("cifar-100-binary.tar.gz"), HasSubstr("--from")));
}

}  // namespace
}  // namespace polyformer::test
