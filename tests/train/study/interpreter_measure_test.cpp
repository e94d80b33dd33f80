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
    write_file(file, "{}");
    measure_by_interpreter(stage, scratch.path() / "data", true);
    EXPECT_EQ(read_file(file), "{}");
}

}  // namespace
}  // namespace polyformer::train
