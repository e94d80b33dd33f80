// Imported vision transformers against what scripts/golden-vits computed with `transformers`.
#include <functional>

#include "polyformer/model/families/read_checkpoint.h"
#include "polyformer/model/families/vision/read_vision.h"
#include "polyformer/model/interpreter/reference.h"
#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

const std::filesystem::path kVits = std::filesystem::path(POLYFORMER_TEST_DATA) / "vits";

ImportedImageModel read(const std::filesystem::path& folder) {
    return read_vision(folder, read_model_config(folder));
}

class GoldenVit : public testing::TestWithParam<const char*> {};

TEST_P(GoldenVit, GivesWhatTransformersGives) {
    const std::filesystem::path folder = kVits / GetParam();
    const auto expected = nlohmann::json::parse(read_file(folder / "expected.json"));
    const ImportedImageModel model = read(folder);
    ASSERT_FALSE(expected["images"].empty());
    for (std::size_t i = 0; i < expected["images"].size(); ++i) {
        const auto planes = expected["images"][i].get<std::vector<float>>();
        const auto logits = expected["logits"][i].get<std::vector<double>>();
        const Tensor found = evaluate_exact(model.graph, model.input.patches(planes));
        ASSERT_EQ(found.rows, 1U);
        ASSERT_EQ(found.columns, logits.size());
        for (std::size_t c = 0; c < logits.size(); ++c) EXPECT_NEAR(found.at(0, c), logits[c], 5e-6) << i << ", " << c;
    }
}

INSTANTIATE_TEST_SUITE_P(Families, GoldenVit,
                         testing::Values("vit", "deit", "deit-taught", "dinov2", "dinov2-4", "dinov2-10"),
                         [](const auto& test) {
                             std::string name = test.param;
                             std::ranges::replace(name, '-', '_');
                             return name;
                         });

TEST(ReadVision, SaysHowAnImageBecomesPatches) {
    const ImportedImageModel vit = read(kVits / "vit");
    EXPECT_EQ(vit.input.extra_tokens, 1U);
    EXPECT_EQ(vit.input.tokens(), 10U);
    EXPECT_EQ(vit.input.height, 6U);
    EXPECT_EQ(vit.input.patch, 2U);
    EXPECT_EQ(vit.input.mean, (std::array{0.5, 0.4, 0.3}));
    EXPECT_EQ(vit.input.deviation, (std::array{0.2, 0.3, 0.4}));
    EXPECT_EQ(vit.input.classes, (std::vector<std::string>{"heron", "crane", "crane"}));
    const ImportedImageModel deit = read(kVits / "deit");
    EXPECT_EQ(deit.input.extra_tokens, 2U);
    ASSERT_EQ(deit.notes.size(), 1U);
    EXPECT_THAT(deit.notes[0], testing::HasSubstr("no preprocessor_config.json"));
    const ImportedImageModel taught = read(kVits / "deit-taught");
    EXPECT_EQ(taught.input.mean, (std::array{0.0, 0.0, 0.0}));
    EXPECT_THAT(taught.notes[0], testing::HasSubstr("fits 8 and cuts"));
    EXPECT_EQ(read(kVits / "dinov2-10").input.tokens(), 26U);
}

TEST(ReadVision, ItsImagesSurviveTheFile) {
    const ScratchDirectory directory;
    const ImageInput input = read(kVits / "deit").input;
    save_image_input(input, directory.path());
    EXPECT_EQ(load_image_input(directory.path()).extra_tokens, 2U);
    const Tensor patches = input.patches(std::vector<float>(3 * 36, 1));
    EXPECT_EQ(patches.rows, 11U);
    EXPECT_EQ(patches.at(1, 0), 0);
    EXPECT_EQ(patches.at(2, 0), 1);
}

TEST(ReadVision, RefusesByNameWhatItLacks) {
    using Json = nlohmann::json;
    const auto refused = [](const char* name, const char* file, const std::function<void(Json&)>& change,
                            const std::vector<std::string>& parts) {
        const ScratchDirectory scratch;
        std::filesystem::copy(kVits / name, scratch.path(), std::filesystem::copy_options::recursive);
        auto document = Json::parse(read_file(scratch.path() / file));
        change(document);
        write_file(scratch.path() / file, document.dump());
        expect_error<FormatError>([&] { read(scratch.path()); }, parts);
    };
    const char* config = "config.json";
    const char* preprocessing = "preprocessor_config.json";
    refused("vit", config, [](Json& c) { c["architectures"] = {"ViTModel"}; }, {"'ViTModel'", "ViTForImage"});
    refused("vit", config, [](Json& c) { c["num_channels"] = 1; }, {"'num_channels' is 1"});
    refused("vit", config, [](Json& c) { c["patch_size"] = 4; }, {"6 pixels", "patches of 4"});
    refused("vit", config, [](Json& c) { c["num_attention_heads"] = 3; }, {"3 heads"});
    refused("deit", config, [](Json& c) { c["image_size"] = 8; }, {"embeddings.position_embeddings", "[1, 18, 8]"});
    refused("vit", config, [](Json& c) { c["model_type"] = "swin"; }, {"'swin'"});
    refused("dinov2", config, [](Json& c) { c["use_swiglu_ffn"] = true; }, {"'use_swiglu_ffn'"});
    refused("vit", preprocessing, [](Json& p) { p["size"]["width"] = 8; }, {"'size'", "square"});
    refused("vit", preprocessing, [](Json& p) { p["size"] = 12; }, {"12 pixels", "for 6"});
    refused("dinov2", preprocessing, [](Json& p) { p["crop_size"] = 5; }, {"5", "patches of 2"});
    refused("vit", preprocessing, [](Json& p) { p["rescale_factor"] = 1; }, {"'rescale_factor'", "found 1"});
    refused("vit", preprocessing, [](Json& p) { p["do_rescale"] = false; }, {"'rescale_factor'", "none"});
    refused("vit", preprocessing, [](Json& p) { p["image_mean"] = {0.5}; }, {"'image_mean'", "three numbers"});
    refused("vit", preprocessing, [](Json& p) { p["image_std"] = {0, 1, 1}; }, {"deviation is 0"});
    expect_error<FormatError>([] { read_checkpoint(kVits / "vit", 9); }, {"'vit'", "model of images"});
}

}  // namespace
}  // namespace polyformer::model
