// A study of the whole road with the real trainer, interrupted and resumed, on a text of invented sentences.
#include "polyformer/train/study/study.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/train/study/study_config.h"
#include "polyformer/train/study/study_plan.h"
#include "tests/train/scratch.h"
#include "tests/train/study/small_road.h"

namespace polyformer::train {
namespace {

using testing::HasSubstr;
using Json = nlohmann::ordered_json;

Json small_study() {
    Json study = Json::parse(R"({
        "title": "A small study", "seeds": [1, 2],
        "variants": [
            {"name": "softmax", "set": {"model": {"attention": {"form": "softmax"}}}, "last_stage": "train"},
            {"name": "gelu", "measure": {"interpreter": true, "stability": true, "test": true}},
            {"name": "wide margin", "set": {"substitution": {"margin": 0.5}}, "last_stage": "substitute", "seeds": [1]},
            {"name": "wild", "set": {"train": {"learning_rate": 1000, "gradient_clip": 1000000},
                                     "model": {"activation": "square"}}, "seeds": [1]}],
        "tables": [{"name": "road", "baseline": "softmax", "variants": ["softmax", "gelu", "wide margin", "wild"],
                    "columns": ["train", "tune", "substitute", "convert"]}]})");
    study["base"] = small_config();
    return study;
}

StudyOptions options_for(const ScratchFolder& folder) {
    write_file(folder.path() / "study.json", small_study().dump());
    write_small_texts(folder.path() / "data");
    StudyOptions options;
    options.config = folder.path() / "study.json";
    options.data = folder.path() / "data";
    options.work = folder.path() / "work";
    options.out = folder.path() / "out";
    options.trainer.program = POLYFORMER_TRAINER;
    options.jobs = 2;
    options.quiet = true;
    return options;
}

TEST(Study, TrainsWhatVariantsShareOnceAndReports) {
    const ScratchFolder folder("study");
    const StudyOptions options = options_for(folder);
    ASSERT_TRUE(run_study(options));
    const StudyPlan plan = plan_study(load_study(options.config), options.work);
    EXPECT_EQ(plan.runs.size(), 6U);
    // 2 of softmax; 4 for each of two seeds; 1 of another margin; 4 of the wild one.
    EXPECT_EQ(plan.stages.size(), 2U + 8 + 1 + 4);

    const Json study = Json::parse(read_file(options.out / "study.json"));
    const Json& gelu = study["variants"][1];
    ASSERT_EQ(gelu["runs"].size(), 2U);
    EXPECT_EQ(gelu["runs"][0]["status"], "complete");
    const Json& last = gelu["runs"][0]["stages"][3];
    EXPECT_EQ(last["evaluated_by"], "exact interpreter");
    EXPECT_NEAR(last["test_perplexity"].get<double>() / last["test_perplexity_libtorch"].get<double>(), 1, 1e-3);
    EXPECT_EQ(gelu["runs"][0]["stability"].size(), 7U);
    EXPECT_EQ(gelu["summary"]["train"]["perplexity"]["count"], 2);
    EXPECT_EQ(study["variants"][3]["settings"]["train.gradient_clip"], 1000000);
    EXPECT_THAT(read_file(options.out / "report.html"), HasSubstr("A small study"));

    // Called again, nothing is trained again.
    const auto trained = std::filesystem::last_write_time(plan.stages[0].folder / "results.json");
    ASSERT_TRUE(run_study(options));
    EXPECT_EQ(std::filesystem::last_write_time(plan.stages[0].folder / "results.json"), trained);
}

TEST(Study, SaysWhichStageFailed) {
    const ScratchFolder folder("failing");
    const StudyOptions options = options_for(folder);
    ASSERT_TRUE(run_study(options));
    const StudyPlan plan = plan_study(load_study(options.config), options.work);
    write_file(plan.stages[0].folder / "checkpoint", "damaged");
    std::filesystem::remove(plan.stages[0].folder / "results.json");
    try {
        run_study(options);
        FAIL() << "a damaged checkpoint went unnoticed";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr(plan.stages[0].folder.string()));
        EXPECT_THAT(error.what(), HasSubstr("delete it to start the stage anew"));
    }
}

}  // namespace
}  // namespace polyformer::train
