#include "polyformer/trainer/stages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/images/image_input.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/train/configuration/stage_request.h"
#include "polyformer/train/data/data_identity.h"
#include "polyformer/train/process/folder_lock.h"
#include "polyformer/train/process/interruption.h"
#include "tests/support/message_of.h"
#include "tests/trainer/toy.h"
#include "tests/trainer/toy_images.h"
#include "tests/trainer/toy_study.h"

namespace polyformer::train {
namespace {

using testing::HasSubstr;
using Json = nlohmann::ordered_json;

// The folders of a road over a toy text, in order.
std::vector<std::filesystem::path> make_road(const ScratchDirectory& work, const Config& config) {
    std::vector<std::filesystem::path> folders;
    StageRequest request{
        .stage = {}, .config = config, .recipe = {}, .prepared = work / "data", .parent = {}, .model = {}};
    for (const std::string& stage : stages_of(config)) {
        request.recipe = recipe_of(stage, config, data_identity(request.prepared, config), request.recipe);
        request.stage = stage;
        request.measure_test = true;
        request.measure_stability = true;
        if (stage == convert_name) request.model = work / "model";
        folders.push_back(work / stage);
        std::filesystem::create_directories(folders.back());
        save_request(request, folders.back());
        request.parent = folders.back();
    }
    return folders;
}

StagesOptions options_for(const std::filesystem::path& folder) {
    StagesOptions options;
    options.folder = folder;
    options.quiet = true;
    return options;
}

TEST(Stages, LeadFromAPreparedTextToAModelDirectory) {
    const ScratchDirectory work("stages");
    prepare_toy_texts(work / "data");
    const auto folders = make_road(work, parse_config(toy_config(), "toy"));
    ASSERT_EQ(folders.size(), 4U);
    EXPECT_THROW(carry_out(options_for(folders[1])), Error);  // nothing trained yet
    StagesOptions few = options_for(folders[0]);
    few.stop_after = 10;
    EXPECT_FALSE(carry_out(few));
    EXPECT_FALSE(settled(load_request(folders[0]), folders[0]));
    EXPECT_THROW(carry_out(options_for(folders[1])), Error);  // not to the end
    for (const auto& folder : folders) {
        EXPECT_TRUE(carry_out(options_for(folder))) << folder;
        EXPECT_TRUE(settled(load_request(folder), folder)) << folder;
    }

    const Json trained = load_results(folders[0]);
    const Json converted = load_results(folders[3]);
    EXPECT_LT(trained["test_perplexity"], 300.0);
    EXPECT_LT(converted["test_perplexity"].get<double>(), 1.1 * trained["test_perplexity"].get<double>());
    EXPECT_EQ(trained["curve"]["step"].size(), trained["updates"].get<std::size_t>());
    EXPECT_EQ(trained["sites"].size(), 5U);
    ASSERT_EQ(converted["stability"].size(), 7U);
    for (const Json& input : converted["stability"]) {
        // Null stands for infinity: most of the vocabulary never occurs in the training text.
        EXPECT_TRUE(input["worst_excursion"].is_null() || input["worst_excursion"] >= 0) << input["input"];
        EXPECT_GT(input["perplexity_exact"], 1) << input["input"];
    }
    EXPECT_LT(converted["stability"][0]["outside_share"], 0.01);

    // The margin lies around what the final weights do.
    ASSERT_EQ(converted["recalibration"].size(), 5U);
    for (std::size_t i = 0; i < 5; ++i) {
        const Json& entry = converted["recalibration"][i];
        EXPECT_LT(entry["interval"][0], entry["seen"][0]) << entry["site"];
        EXPECT_GT(entry["interval"][1], entry["seen"][1]) << entry["site"];
    }

    const model::Graph graph = model::load_graph(work / "model");
    const model::Embedding embedding = model::load_embedding(work / "model");
    EXPECT_EQ(read_file(work / "model/tokenizer.model"), "the vocabulary");
    const auto metadata = nlohmann::json::parse(read_file(work / "model/metadata.json"));
    EXPECT_EQ(metadata["polynomials"].size(), 5U);
    EXPECT_EQ(metadata["stages"]["tune"]["updates"], load_results(folders[1])["updates"]);
    for (const model::Node& node : graph.nodes) EXPECT_GT(node.bound, 0) << node.name;
    const model::Evaluation evaluation = model::evaluate(graph, embedding.embed(toy_text(8)));
    for (std::size_t id = 0; id < graph.nodes.size(); ++id) {
        EXPECT_LT(evaluation.largest[id], 2 * graph.nodes[id].bound) << graph.nodes[id].name;
    }
}

TEST(Stages, LeadFromImagesToAModelDirectory) {
    const ScratchDirectory work("image-stages");
    std::filesystem::create_directories(work / "data");
    save_images(toy_images(800, 1), work / "data/train.images");
    save_images(toy_images(100, 2), work / "data/valid.images");
    save_images(toy_images(100, 3), work / "data/test.images");
    Config config = parse_config(R"({
        "vision": {"height": 8, "width": 8, "classes": 4, "patch": 2, "kernel": 4,
                   "stages": [{"layers": 1, "width": 8, "heads": 2, "feed_forward": 12}],
                   "attention": {"function": "sigmoid"}},
        "augmentation": {"crop": 0, "flip": false, "mix_share": 0.2},
        "train": {"epochs": 4, "batch": 16, "learning_rate": 0.01, "warmup_steps": 5},
        "tune": {"epochs": 1, "batch": 16, "learning_rate": 0.003, "range_weight": 0.1},
        "convert": {"epochs": 0.5, "batch": 16, "learning_rate": 0.001, "range_weight": 0.1},
        "substitution": {"attention_depth": 4, "feed_forward_depth": 4}})",
                                 "toy");
    const auto folders = make_road(work, config);
    ASSERT_EQ(folders.size(), 4U);
    for (const auto& folder : folders) {
        EXPECT_TRUE(carry_out(options_for(folder))) << folder;
        EXPECT_TRUE(settled(load_request(folder), folder)) << folder;
    }
    const Json converted = load_results(folders[3]);
    EXPECT_GT(load_results(folders[0])["test_accuracy"], 90);
    EXPECT_GT(converted["test_accuracy"], 90);
    EXPECT_EQ(converted["test_top5_accuracy"], 100);  // of four classes
    EXPECT_TRUE(converted.contains("images_per_second"));
    ASSERT_EQ(converted["stability"].size(), 13U);
    EXPECT_LT(converted["stability"][0]["outside_share"], 0.01);
    EXPECT_GE(converted["stability"][0]["agreement"], 95);

    const model::Graph graph = model::load_graph(work / "model");
    const model::ImageInput input = model::load_image_input(work / "model");
    EXPECT_EQ(input.classes, toy_images(1, 1).classes);
    EXPECT_EQ(graph.vocabulary, 4U);
    const PreparedImages test = load_images(work / "data/test.images");
    std::size_t right = 0;
    for (std::size_t i = 0; i < test.size(); ++i) {
        model::Image image{.height = 8, .width = 8, .values = std::vector<std::uint8_t>(192)};
        for (std::size_t k = 0; k < 192; ++k) image.values[k % 64 * 3 + k / 64] = test.pixels[i * 192 + k];
        const model::Evaluation evaluation = model::evaluate(graph, input.patches(image));
        const auto best = std::max_element(evaluation.logits.values.begin(), evaluation.logits.values.end());
        if (best - evaluation.logits.values.begin() == test.labels[i]) ++right;
        for (std::size_t id = 0; id < graph.nodes.size(); ++id) {
            EXPECT_LT(evaluation.largest[id], 2 * graph.nodes[id].bound) << graph.nodes[id].name;
        }
    }
    EXPECT_NEAR(static_cast<double>(right), converted["test_accuracy"].get<double>(), 1.01);
}

TEST(Stages, RefuseImagesOfAnotherShape) {
    const ScratchDirectory work("other-images");
    std::filesystem::create_directories(work / "data");
    for (const char* split : {"train", "valid"}) {
        save_images(toy_images(40, 1), work / "data" / (std::string(split) + ".images"));
    }
    const auto message = [&](const std::string& vision) {
        const auto folders = make_road(work, parse_config("{\"vision\": " + vision + "}", "toy"));
        try {
            carry_out(options_for(folders[0]));
        } catch (const Error& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    EXPECT_NE(message(R"({"height": 16, "width": 8, "classes": 4})").find("8×8 pixels"), std::string::npos);
    EXPECT_NE(message(R"({"height": 8, "width": 8, "classes": 5})").find("set vision.classes to 4"), std::string::npos);
}

TEST(Stages, NoteADivergence) {
    const ScratchDirectory work("diverging");
    prepare_toy_texts(work / "data");
    // Nothing here keeps values from growing: squares upon squares and huge steps.
    Config config = parse_config(toy_config(), "toy");
    config.model.attention.function = "squared_relu";
    config.model.activation = "square";
    config.train.learning_rate = 1000;
    config.train.gradient_clip = 1e6;
    const auto folders = make_road(work, config);
    EXPECT_THROW(carry_out(options_for(folders[0])), DivergenceError);
    EXPECT_TRUE(load_results(folders[0])["diverged"]);
    EXPECT_TRUE(settled(load_request(folders[0]), folders[0]));
    EXPECT_THROW(carry_out(options_for(folders[0])), DivergenceError);  // at once
    EXPECT_THROW(carry_out(options_for(folders[1])), Error);
}

TEST(Stages, RefuseWhatIsOfAnotherRecipe) {
    const ScratchDirectory work("recipes");
    prepare_toy_texts(work / "data");
    Config config = parse_config(toy_config(), "toy");
    config.train.epochs = 0.1;
    config.tune.epochs = 0.1;
    const auto folders = make_road(work, config);
    ASSERT_TRUE(carry_out(options_for(folders[0])));

    // The stage before was trained in another way than this one takes for granted.
    const StageRequest first = load_request(folders[0]);
    StageRequest other = first;
    other.recipe["schedule"]["learning_rate"] = 0.5;
    save_request(other, folders[0]);
    EXPECT_THAT(message_of([&] { carry_out(options_for(folders[1])); }), HasSubstr("schedule.learning_rate is 0.5"));
    // What came out is not of this recipe.
    EXPECT_THAT(message_of([&] { carry_out(options_for(folders[0])); }), HasSubstr("results.json"));
    save_request(first, folders[0]);

    // Its checkpoint was put there from elsewhere.
    const std::string checkpoint = read_file(folders[0] / "checkpoint");
    other.recipe["seed"] = 7;
    std::filesystem::remove(folders[0] / "checkpoint");
    std::filesystem::remove(folders[0] / "results.json");
    save_request(other, folders[0]);
    ASSERT_TRUE(carry_out(options_for(folders[0])));
    save_request(first, folders[0]);
    auto results = load_results(folders[0]);
    results["recipe"] = digest_of(first.recipe);
    write_file(folders[0] / "results.json", results.dump());
    EXPECT_THAT(message_of([&] { carry_out(options_for(folders[1])); }), HasSubstr("another configuration"));
    write_file(folders[0] / "checkpoint", checkpoint);
    EXPECT_TRUE(carry_out(options_for(folders[1])));

    // The prepared texts are others.
    PreparedText text = prepared_from(toy_text(4000), 300);
    text.source_digest = std::string(64, 'a');
    save_text(text, work / "data/train.ids");
    EXPECT_THAT(message_of([&] { carry_out(options_for(folders[0])); }), HasSubstr("holds other data"));
}

TEST(Stages, MeasureAnewOnAnotherTestSet) {
    const ScratchDirectory work("test-set");
    prepare_toy_texts(work / "data");
    Config config = parse_config(toy_config(), "toy");
    config.train.epochs = 0.1;
    const auto folders = make_road(work, config);
    ASSERT_TRUE(carry_out(options_for(folders[0])));
    const Json before = load_results(folders[0]);
    PreparedText text = prepared_from(toy_text(300), 300);
    text.source_digest = std::string(64, 'a');
    save_text(text, work / "data/test.ids");
    StageRequest request = load_request(folders[0]);
    request.test_digest = text.source_digest;
    save_request(request, folders[0]);
    EXPECT_FALSE(settled(request, folders[0]));
    ASSERT_TRUE(carry_out(options_for(folders[0])));
    EXPECT_TRUE(settled(request, folders[0]));
    EXPECT_NE(load_results(folders[0])["test_perplexity"], before["test_perplexity"]);
    EXPECT_EQ(load_results(folders[0])["updates"], before["updates"]);
}

TEST(Stages, SaveWhereTheyAreWhenASignalComes) {
    const ScratchDirectory work("signal");
    prepare_toy_texts(work / "data");
    const auto folders = make_road(work, parse_config(toy_config(), "toy"));
    {
        const InterruptionGuard guard;
        static_cast<void>(std::raise(SIGTERM));
        EXPECT_FALSE(carry_out(options_for(folders[0])));
    }
    EXPECT_TRUE(std::filesystem::exists(folders[0] / "checkpoint"));
    const FolderLock lock(folders[0]);
    EXPECT_THROW(carry_out(options_for(folders[0])), IoError);
}

TEST(Stages, RefuseWhatDoesNotFit) {
    const ScratchDirectory work("misfits");
    prepare_toy_texts(work / "data");
    const auto folders = make_road(work, parse_config(toy_config(), "toy"));
    save_text(prepared_from(toy_text(4000), 500), work / "data/train.ids");
    EXPECT_THROW(carry_out(options_for(folders[0])), FormatError);
    write_file(folders[0] / "results.json", "{\"complete\": tru");
    EXPECT_THROW(carry_out(options_for(folders[0])), FormatError);
    write_file(folders[0] / "stage.json", R"({"stage": "trane"})");
    EXPECT_THROW(carry_out(options_for(folders[0])), FormatError);
}

TEST(Stages, DamagedCheckpointsLeaveNothingLost) {
    const ScratchDirectory work("halfwritten");
    prepare_toy_texts(work / "data");
    const auto folders = make_road(work, parse_config(toy_config(), "toy"));
    StagesOptions few = options_for(folders[0]);
    few.stop_after = 10;
    carry_out(few);
    const std::string whole = read_file(folders[0] / "checkpoint");
    write_file(folders[0] / "checkpoint", whole.substr(0, whole.size() / 2));
    EXPECT_THROW(carry_out(options_for(folders[0])), FormatError);
    EXPECT_EQ(read_file(folders[0] / "checkpoint").size(), whole.size() / 2);  // the message says to delete it
    std::filesystem::remove(folders[0] / "checkpoint");
    EXPECT_TRUE(carry_out(options_for(folders[0])));
}

TEST(Device, UnknownOnesAreNamed) {
    EXPECT_TRUE(parse_device("cpu").is_cpu());
    EXPECT_THROW(parse_device("abacus"), Error);
    if (!torch::cuda::is_available()) {
        EXPECT_THROW(parse_device("cuda"), Error);
        EXPECT_TRUE(parse_device("auto").is_cpu());
    }
}

}  // namespace
}  // namespace polyformer::train
