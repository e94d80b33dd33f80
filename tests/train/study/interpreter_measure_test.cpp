#include "polyformer/train/study/interpreter_measure.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "polyformer/support/system/atomic_file.h"
#include "tests/model/images/colour_model.h"
#include "tests/train/scratch.h"

namespace polyformer::train {
namespace {

using Json = nlohmann::ordered_json;

TEST(InterpreterMeasureTest, AnImageModelIsMeasuredOnTheWholeTestSet) {
    const ScratchFolder scratch("interpreter");
    StudyStage stage;
    stage.folder = scratch.path() / "stage";
    stage.request.model = stage.folder / "model";
    stage.request.config.vision.emplace();
    model::save_colour_model(stage.request.model);
    model::write_colour_images(scratch.path() / "data");
    measure_by_interpreter(stage, scratch.path() / "data", true);

    const std::filesystem::path file = stage.folder / "interpreter.json";
    const Json measured = Json::parse(read_file(file));
    EXPECT_EQ(measured["images"], 6);
    EXPECT_DOUBLE_EQ(measured["accuracy"].get<double>(), 500.0 / 6);
    EXPECT_DOUBLE_EQ(measured["top5_accuracy"].get<double>(), 100);
    EXPECT_GT(measured["perplexity"].get<double>(), 1);
    ASSERT_EQ(measured["intervals"].size(), 1U);
    EXPECT_EQ(measured["intervals"][0]["node"], "activation");
    EXPECT_EQ(measured["intervals"][0]["values"], 18);
    EXPECT_EQ(measured["intervals"][0]["outside"], 0);

    // What has been measured is not measured again.
    const auto again = [&](Json changed) {
        changed["accuracy"] = -1;
        write_file(file, changed.dump());
        measure_by_interpreter(stage, scratch.path() / "data", true);
        return measured_by_interpreter(stage).at("accuracy");
    };
    EXPECT_EQ(again(measured), -1);
    // Another test set, another model.
    stage.request.test_digest = std::string(64, 'a');
    EXPECT_TRUE(measured_by_interpreter(stage).empty());
    EXPECT_EQ(again(measured), measured["accuracy"]);
    EXPECT_EQ(again(measured_by_interpreter(stage)), -1);
    const std::filesystem::path weights = stage.request.model / "image.json";
    write_file(weights, read_file(weights) + "\n");
    EXPECT_EQ(again(measured_by_interpreter(stage)), measured["accuracy"]);
}

}  // namespace
}  // namespace polyformer::train
