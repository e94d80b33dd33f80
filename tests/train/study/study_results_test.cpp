// The document of a study of images whose stages were carried out by nobody: their results are written by hand.
#include "polyformer/train/study/study_results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "polyformer/support/system/atomic_file.h"
#include "polyformer/train/data/prepared_images.h"
#include "polyformer/train/report/report.h"
#include "tests/train/scratch.h"

namespace polyformer::train {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using Json = nlohmann::ordered_json;

constexpr const char* configuration = R"({
    "base": {"vision": {"height": 8, "width": 8, "classes": 3}, "tune": {"epochs": 0}, "convert": {"epochs": 0}},
    "variants": [{"name": "one", "measure": {"test": true, "interpreter": true}}],
    "tables": [{"name": "road", "variants": ["one"], "columns": ["train", "substitute"]}]})";

class ImageStudyTest : public testing::Test {
  protected:
    ImageStudyTest() {
        write_file(scratch_.path() / "study.json", configuration);
        study_ = load_study(scratch_.path() / "study.json");
        options_.data = scratch_.path() / "cifar";
        options_.work = scratch_.path() / "work";
        const fs::path prepared = prepared_folder(options_.work, study_.variants.front().config);
        fs::create_directories(prepared);
        save(6, prepared / "train.images");
        save(2, prepared / "valid.images");
        save(4, prepared / "test.images");
        plan_ = plan_study(study_, options_.work);
    }

    static void save(std::size_t count, const fs::path& file) {
        const std::vector<std::uint16_t> labels(count, 2);
        const std::vector<std::uint8_t> pixels(count * 3 * 8 * 8, 100);
        save_images({.height = 8,
                     .width = 8,
                     .classes = {"cat", "dog", "ship"},
                     .source_digest = std::string(64, 'd'),
                     .labels = labels,
                     .pixels = pixels,
                     .owner = {}},
                    file);
    }

    void complete(const StudyStage& stage, double accuracy) const {
        fs::create_directories(stage.folder);
        const Json results = {{"stage", stage.request.stage},
                              {"complete", true},
                              {"images_per_second", 900},
                              {"validation_accuracy", accuracy + 1},
                              {"validation_perplexity", 1.5},
                              {"test_accuracy", accuracy},
                              {"test_top5_accuracy", accuracy + 10},
                              {"test_perplexity", 1.25},
                              {"test_measured_on", stage.request.test_digest},
                              {"evaluated_by", "libtorch"}};
        write_file(stage.folder / "results.json", results.dump());
    }

    Json collect() const { return collect_results(study_, plan_, options_); }

    ScratchFolder scratch_{"image-study"};
    StudyConfig study_;
    StudyOptions options_;
    StudyPlan plan_;
};

TEST_F(ImageStudyTest, SaysWhatItIsOfBeforeAnyStageIsDone) {
    const Json results = collect();
    EXPECT_EQ(results["measure"], "accuracy");
    EXPECT_EQ(results["data"], Json::parse(R"({"name": "cifar", "train_images": 6, "classes": 3, "test_images": 4})"));
    EXPECT_EQ(results["variants"][0]["runs"][0]["status"], "pending");
}

TEST_F(ImageStudyTest, WhatWasMeasuredOnAnotherTestSetIsLeftOut) {
    complete(plan_.stages[0], 75);
    complete(plan_.stages[1], 74);
    write_file(plan_.stages[1].folder / "interpreter.json",
               R"({"test_digest": "another", "accuracy": 73.5, "perplexity": 1.5, "intervals": []})");
    EXPECT_EQ(collect()["variants"][0]["runs"][0]["stages"][1]["test_accuracy"], 74);
    plan_.stages[1].request.test_digest = std::string(64, 'f');
    EXPECT_FALSE(settled(plan_.stages[1].request, plan_.stages[1].folder));
    EXPECT_FALSE(collect()["variants"][0]["runs"][0]["stages"][1].contains("test_accuracy"));
}

TEST_F(ImageStudyTest, TheExactInterpreterHasTheLastWord) {
    ASSERT_EQ(plan_.stages.size(), 2U);
    complete(plan_.stages[0], 75);
    complete(plan_.stages[1], 74);
    Json measured = Json::parse(
        R"({"accuracy": 73.5, "top5_accuracy": 83.5, "perplexity": 1.5, "images": 4, "intervals": [{"outside": 0}], "seconds": 1})");
    measured["test_digest"] = plan_.stages[1].request.test_digest;
    write_file(plan_.stages[1].folder / "interpreter.json", measured.dump());
    const Json results = collect();
    const Json& run = results["variants"][0]["runs"][0];
    ASSERT_EQ(run["status"], "complete");
    EXPECT_EQ(run["stages"][0]["test_accuracy"], 75);
    EXPECT_EQ(run["stages"][0]["evaluated_by"], "libtorch");
    const Json& last = run["stages"][1];
    EXPECT_EQ(last["test_accuracy"], 73.5);
    EXPECT_EQ(last["test_accuracy_libtorch"], 74);
    EXPECT_EQ(last["test_top5_accuracy"], 83.5);
    EXPECT_EQ(last["test_top5_accuracy_libtorch"], 84);
    EXPECT_EQ(last["test_perplexity"], 1.5);
    EXPECT_EQ(last["test_perplexity_libtorch"], 1.25);
    EXPECT_EQ(last["evaluated_by"], "exact interpreter");
    EXPECT_EQ(last["test_intervals"].size(), 1U);
    EXPECT_EQ(results["variants"][0]["summary"]["substitute"]["accuracy"]["mean"], 73.5);
    EXPECT_EQ(results["variants"][0]["summary"]["substitute"]["top5_accuracy"]["mean"], 83.5);
    EXPECT_THAT(describe_tables(results), HasSubstr("one      75.00 n=1  73.50 n=1"));
}

}  // namespace
}  // namespace polyformer::train
