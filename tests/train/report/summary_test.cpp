#include "polyformer/train/report/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "polyformer/support/error.h"

namespace polyformer::train {
namespace {

using nlohmann::ordered_json;
using testing::HasSubstr;

/// Braces around one value are that value for clang and a list of it for GCC: this is a list for both.
ordered_json array(std::initializer_list<ordered_json> values) {
    ordered_json list = ordered_json::array();
    for (const ordered_json& value : values) list.push_back(value);
    return list;
}

ordered_json stage(const char* name, ordered_json test, ordered_json validation) {
    return {{"name", name}, {"test_perplexity", std::move(test)}, {"validation_perplexity", std::move(validation)}};
}

ordered_json run(const char* status, ordered_json stages) {
    return {{"status", status}, {"stages", std::move(stages)}};
}

ordered_json summary_of(ordered_json runs) {
    ordered_json study = {{"format", "polyformer-study"},
                          {"version", 1},
                          {"variants", ordered_json::array({{{"name", "one"}, {"runs", std::move(runs)}}})}};
    summarise(study);
    return study["variants"][0]["summary"];
}

TEST(SummaryTest, MeanAndSampleDeviation) {
    ordered_json runs = ordered_json::array();
    for (const double value : {30.0, 31.0, 35.0}) {
        runs.push_back(run("complete", ordered_json::array({stage("train", value, value + 1)})));
    }
    const ordered_json summary = summary_of(runs)["train"];
    EXPECT_EQ(summary["split"], "test");
    EXPECT_DOUBLE_EQ(summary["perplexity"]["mean"], 32.0);
    EXPECT_DOUBLE_EQ(summary["perplexity"]["deviation"], std::sqrt((4.0 + 1.0 + 9.0) / 2));
    EXPECT_EQ(summary["perplexity"]["count"], 3);
    EXPECT_EQ(summary["perplexity"]["diverged"], 0);
}

TEST(SummaryTest, OneRunHasNoDeviation) {
    const ordered_json summary = summary_of(array({run("complete", array({stage("train", 30, 31)}))}))["train"];
    EXPECT_DOUBLE_EQ(summary["perplexity"]["mean"], 30);
    EXPECT_TRUE(summary["perplexity"]["deviation"].is_null());
}

TEST(SummaryTest, DivergedRunsAreCountedAndNotAveraged) {
    const ordered_json summary = summary_of({
        run("complete", {stage("train", 30, 31), stage("tuned", 32, 33)}),
        run("diverged", {stage("train", 34, 35), {{"name", "tuned"}}}),
        run("diverged", ordered_json::array()),
        run("failed", array({{{"name", "train"}}})),
        run("pending", ordered_json::array()),
    });
    EXPECT_DOUBLE_EQ(summary["train"]["perplexity"]["mean"], 32);
    EXPECT_EQ(summary["train"]["perplexity"]["count"], 2);
    EXPECT_EQ(summary["train"]["perplexity"]["diverged"], 1);
    EXPECT_DOUBLE_EQ(summary["tuned"]["perplexity"]["mean"], 32);
    EXPECT_EQ(summary["tuned"]["perplexity"]["count"], 1);
    EXPECT_EQ(summary["tuned"]["perplexity"]["diverged"], 2);
}

TEST(SummaryTest, APolynomialThatBlewUpOnACompleteRunIsNamed) {
    const ordered_json summary = summary_of({
        run("complete", {stage("substituted", nullptr, nullptr), stage("converted", 33, 34)}),
        run("complete", {{{"name", "substituted"}}, stage("converted", 35, 36)}),  // not judged there
    });
    EXPECT_TRUE(summary["substituted"]["perplexity"]["mean"].is_null());
    EXPECT_EQ(summary["substituted"]["perplexity"]["count"], 0);
    EXPECT_EQ(summary["substituted"]["perplexity"]["diverged"], 1);
    EXPECT_DOUBLE_EQ(summary["converted"]["perplexity"]["mean"], 34);
}

TEST(SummaryTest, ValidationWhereNotEveryRunHasTheTestText) {
    const ordered_json summary = summary_of({
        run("complete", array({stage("train", 30, 40)})),
        run("complete", array({stage("train", nullptr, 42)})),
    })["train"];
    EXPECT_EQ(summary["split"], "validation");
    EXPECT_DOUBLE_EQ(summary["perplexity"]["mean"], 41);
    EXPECT_EQ(summary["perplexity"]["count"], 2);
}

ordered_json judged_image(double test, double test_of_five, double validation) {
    return {{"name", "train"},
            {"validation_accuracy", validation},
            {"validation_top5_accuracy", validation + 5},
            {"validation_perplexity", 3},
            {"test_accuracy", test},
            {"test_top5_accuracy", test_of_five},
            {"test_perplexity", 2}};
}

TEST(SummaryTest, ImageModelsAreJudgedByAccuracy) {
    ordered_json study = {{"format", "polyformer-study"},
                          {"version", 1},
                          {"variants",
                           {{{"name", "none yet"}},
                            {{"name", "two"},
                             {"runs",
                              {run("complete", ordered_json::array({judged_image(70, 90, 75)})),
                               run("complete", ordered_json::array({judged_image(72, 93, 75)})),
                               run("diverged", ordered_json::array())}}}}}};
    summarise(study);
    EXPECT_EQ(study["measure"], "accuracy");
    EXPECT_EQ(study["variants"][0]["summary"], ordered_json::object());
    const ordered_json& summary = study["variants"][1]["summary"]["train"];
    EXPECT_EQ(summary["split"], "test");
    EXPECT_DOUBLE_EQ(summary["accuracy"]["mean"], 71);
    EXPECT_DOUBLE_EQ(summary["accuracy"]["deviation"], std::sqrt(2.0));
    EXPECT_EQ(summary["accuracy"]["count"], 2);
    EXPECT_EQ(summary["accuracy"]["diverged"], 1);
    EXPECT_DOUBLE_EQ(summary["top5_accuracy"]["mean"], 91.5);
    EXPECT_FALSE(summary.contains("perplexity"));
}

TEST(SummaryTest, TopFiveComesFromTheSplitOfTheAccuracy) {
    ordered_json without_test = judged_image(70, 90, 75);
    without_test.erase("test_accuracy");
    const ordered_json summary = summary_of({run("complete", ordered_json::array({judged_image(70, 90, 77)})),
                                             run("complete", ordered_json::array({without_test}))})["train"];
    EXPECT_EQ(summary["split"], "validation");
    EXPECT_DOUBLE_EQ(summary["accuracy"]["mean"], 76);
    EXPECT_DOUBLE_EQ(summary["top5_accuracy"]["mean"], 81);
}

TEST(SummaryTest, AMeasureThatIsNamedStays) {
    ordered_json study = {{"format", "polyformer-study"},
                          {"version", 1},
                          {"measure", "accuracy"},
                          {"variants", ordered_json::array({{{"name", "one"}}})}};
    summarise(study);
    EXPECT_EQ(study["measure"], "accuracy");
    study.erase("measure");
    summarise(study);
    EXPECT_EQ(study["measure"], "perplexity");
}

TEST(SummaryTest, ReplacesAnOldSummaryAndTakesEmptyStudies) {
    ordered_json study = {{"format", "polyformer-study"}, {"version", 1}};
    summarise(study);
    EXPECT_FALSE(study.contains("variants"));
    study["variants"] = ordered_json::array({{{"name", "one"}, {"summary", {{"train", "old"}}}}});
    summarise(study);
    EXPECT_EQ(study["variants"][0]["summary"], ordered_json::object());
}

void expect_refused(const char* text, const char* reason) {
    ordered_json study = ordered_json::parse(text);
    try {
        summarise(study);
        FAIL() << text;
    } catch (const FormatError& error) {
        EXPECT_THAT(error.what(), HasSubstr(reason));
    }
}

TEST(SummaryTest, SaysWhatIsWrongWithADocument) {
    expect_refused(R"([1])", "the document is [1], not an object");
    expect_refused(R"({"version": 1})", "no text as its \"format\" but nothing");
    expect_refused(R"({"format": "other", "version": 1})", "the format is \"other\"");
    expect_refused(R"({"format": "polyformer-study"})", "version (none)");
    expect_refused(R"({"format": "polyformer-study", "version": 2})", "version 2");
    expect_refused(R"({"format": "polyformer-study", "version": 1, "measure": "loss"})",
                   "the measure is \"loss\", but only \"perplexity\" and \"accuracy\"");
    expect_refused(R"({"format": "polyformer-study", "version": 1, "variants": {}})",
                   "\"variants\" of the study is {}");
    expect_refused(R"({"format": "polyformer-study", "version": 1, "variants": [{"name": 3}]})",
                   "variant 0 has no text as its \"name\" but 3");
    expect_refused(R"({"format": "polyformer-study", "version": 1, "variants": [{"name": "a"}, {"name": "a"}]})",
                   "two variants have the name \"a\"");
    expect_refused(R"({"format": "polyformer-study", "version": 1, "variants": [{"name": "a", "runs": [{}]}]})",
                   "run 0 of variant 0 (\"a\") has no text as its \"status\"");
    expect_refused(R"({"format": "polyformer-study", "version": 1,
                       "variants": [{"name": "a", "runs": [{"status": "complete", "stages": [7]}]}]})",
                   "stage 0 of run 0 of variant 0 (\"a\") is 7, not an object");
    expect_refused(R"({"format": "polyformer-study", "version": 1, "tables": [{"name": "t", "columns": [null]}]})",
                   "\"columns\" of table 0 has null among its names");
}

}  // namespace
}  // namespace polyformer::train
