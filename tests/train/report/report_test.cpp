#include "polyformer/train/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <string>

#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::train {
namespace {

using nlohmann::ordered_json;
using testing::HasSubstr;
using testing::Not;

ordered_json run(const char* status, double train, ordered_json tuned) {
    return {{"seed", 1},
            {"status", status},
            {"stages",
             {{{"name", "train"}, {"kind", "train"}, {"test_perplexity", train}},
              {{"name", "tuned"}, {"kind", "train"}, {"test_perplexity", std::move(tuned)}}}}};
}

ordered_json sample() {
    return {{"format", "polyformer-study"},
            {"version", 1},
            {"title", "Attention"},
            {"tables", ordered_json::array({{{"name", "attention"},
                                             {"title", "Attention form"},
                                             {"baseline", "softmax"},
                                             {"variants", {"softmax", "gelu", "bursts", "absent"}},
                                             {"columns", {"train", "tuned"}}}})},
            {"variants",
             {{{"name", "softmax"},
               {"runs", ordered_json::array(
                            {{{"status", "complete"},
                              {"stages", ordered_json::array({{{"name", "train"}, {"test_perplexity", 100}}})}}})}},
              {{"name", "gelu"}, {"runs", {run("complete", 101, 102), run("complete", 103, 104)}}},
              {{"name", "bursts"}, {"runs", {run("complete", 110, 120), run("diverged", 112, nullptr)}}}}}};
}

// The JSON in the page, as the browser finds it.
std::string embedded(const std::string& page) {
    const std::string opening = "<script type=\"application/json\" id=\"study\">";
    const std::size_t start = page.find(opening) + opening.size();
    return page.substr(start, page.find("</script>", start) - start);
}

std::size_t occurrences(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
    return count;
}

TEST(ReportTest, IsOneCompletePageWithoutANetwork) {
    const std::string page = render_report(sample());
    EXPECT_EQ(page.rfind("<!DOCTYPE html>", 0), 0U);
    EXPECT_EQ(page.substr(page.size() - 8), "</html>\n");
    EXPECT_EQ(occurrences(page, "<script"), 2U);
    EXPECT_EQ(occurrences(page, "</script>"), 2U);
    EXPECT_THAT(page, HasSubstr("Content-Security-Policy"));
    EXPECT_THAT(page, Not(HasSubstr("https:")));
    EXPECT_THAT(page, Not(HasSubstr("<link rel=\"stylesheet\"")));
    EXPECT_THAT(page, Not(HasSubstr("innerHTML")));
}

TEST(ReportTest, TheStudyIsInItWithItsSummaries) {
    const ordered_json study = ordered_json::parse(embedded(render_report(sample())));
    EXPECT_EQ(study["title"], "Attention");
    EXPECT_EQ(study["tables"], sample()["tables"]);
    EXPECT_EQ(study["variants"][1]["runs"], sample()["variants"][1]["runs"]);
    EXPECT_DOUBLE_EQ(study["variants"][1]["summary"]["tuned"]["perplexity"]["mean"], 103);
}

TEST(ReportTest, HostileTextsStayTexts) {
    const std::string hostile = "</script><script>alert(1)</script><!-- \xE2\x80\xA8 \" \\ \x01 戦 STUDY_JSON</script>";
    ordered_json study = sample();
    study["title"] = hostile;
    study["variants"][0]["runs"][0]["message"] = "broken UTF-8: \xFF.";
    const std::string page = render_report(study);
    EXPECT_EQ(occurrences(page, "</script>"), 2U);
    EXPECT_THAT(page, Not(HasSubstr("alert(1)</")));
    const ordered_json back = ordered_json::parse(embedded(page));
    EXPECT_EQ(back["title"], hostile);
    EXPECT_EQ(back["variants"][0]["runs"][0]["message"], "broken UTF-8: \xEF\xBF\xBD.");
}

TEST(ReportTest, TheStudyComesOutOfThePageAgain) {
    const std::string page = render_report(sample());
    const ordered_json study = study_in_report(page, "page");
    EXPECT_EQ(study["title"], "Attention");
    EXPECT_EQ(study["variants"][1]["runs"], sample()["variants"][1]["runs"]);
    EXPECT_EQ(render_report(study), page);
    EXPECT_EQ(describe_tables(study), describe_tables(sample()));
    EXPECT_THROW(study_in_report("<!DOCTYPE html>", "page"), FormatError);
    EXPECT_THROW(study_in_report(page.substr(0, page.find("Attention")), "page"), FormatError);
}

TEST(ReportTest, TheReportsInTheRepositoryHoldTheirStudies) {
    std::size_t reports = 0;
    for (const auto& folder :
         std::filesystem::directory_iterator(std::string(POLYFORMER_SOURCE_DIR) + "/docs/studies")) {
        const std::filesystem::path file = folder.path() / "report.html";
        const ordered_json study = study_in_report(read_file(file), file.string());
        EXPECT_FALSE(study["variants"].empty()) << file;
        EXPECT_FALSE(describe_tables(study).empty()) << file;
        ++reports;
    }
    EXPECT_GE(reports, 6U);
}

TEST(ReportTest, NumbersAreShortAndNeverInvalid) {
    ordered_json study = sample();
    study["seconds"] = 1.0 / 3;
    study["updates_per_second"] = std::numeric_limits<double>::infinity();
    const std::string json = embedded(render_report(study));
    EXPECT_THAT(json, HasSubstr("\"seconds\":0.333333,"));
    EXPECT_TRUE(ordered_json::parse(json)["updates_per_second"].is_null());
}

TEST(ReportTest, PartsMayBeMissing) {
    const ordered_json empty = {{"format", "polyformer-study"}, {"version", 1}};
    EXPECT_EQ(ordered_json::parse(embedded(render_report(empty))), empty);
    EXPECT_EQ(describe_tables(empty), "");
}

TEST(ReportTest, AnotherFormatIsRefused) {
    const ordered_json other = {{"format", "polyformer-plan"}, {"version", 1}};
    EXPECT_THROW(render_report(other), FormatError);
    EXPECT_THROW(describe_tables(other), FormatError);
}

TEST(DescribeTablesTest, AlignsMeansDifferencesAndDivergedRuns) {
    EXPECT_EQ(describe_tables(sample()),
              "Attention form\n"
              "perplexity per word (against softmax)\n"
              "variant  train                        tuned\n"
              "-------  ---------------------------  --------------------------------\n"
              "softmax  100.00 n=1                   -\n"
              "gelu     102.00 ± 1.41 (+2.0 %) n=2   103.00 ± 1.41 (+3.0 %) n=2\n"
              "bursts   111.00 ± 1.41 (+11.0 %) n=2  120.00 (+20.0 %) n=1, 1 diverged\n"
              "absent   not in this study            not in this study\n");
}

ordered_json image_sample() {
    const auto run = [](double accuracy) {
        const ordered_json stage = {{"name", "train"}, {"test_accuracy", accuracy}, {"test_perplexity", 2}};
        return ordered_json{{"status", "complete"}, {"stages", ordered_json::array({stage})}};
    };
    ordered_json study = sample();
    study["variants"][0]["runs"] = {run(80), run(80.2)};
    study["variants"][1]["runs"] = {run(80.4), run(80.6)};
    study["variants"][2]["runs"] = {run(79.9), {{"status", "diverged"}}};
    study["tables"][0]["columns"] = ordered_json::array({"train"});
    return study;
}

TEST(DescribeTablesTest, AccuraciesDifferByPoints) {
    EXPECT_EQ(describe_tables(image_sample()),
              "Attention form\n"
              "accuracy in percent (against softmax)\n"
              "variant  train\n"
              "-------  -----------------------------------\n"
              "softmax  80.10 ± 0.14 n=2\n"
              "gelu     80.50 ± 0.14 (+0.4 points) n=2\n"
              "bursts   79.90 (-0.2 points) n=1, 1 diverged\n"
              "absent   not in this study\n");
}

TEST(ReportTest, ThePageIsToldWhatTheMeasureIs) {
    EXPECT_EQ(ordered_json::parse(embedded(render_report(image_sample())))["measure"], "accuracy");
    EXPECT_EQ(ordered_json::parse(embedded(render_report(sample())))["measure"], "perplexity");
}

TEST(DescribeTablesTest, SaysWhyThereIsNoResult) {
    ordered_json study = sample();
    study["variants"][0]["runs"][0] = {{"status", "failed"}};
    study["variants"][1]["runs"] = {{{"status", "pending"}}, {{"status", "pending"}}};
    study["variants"][2]["runs"][1] = study["variants"][2]["runs"][0];
    const std::string text = describe_tables(study);
    EXPECT_THAT(text, HasSubstr("softmax  1 failed"));
    EXPECT_THAT(text, HasSubstr("gelu     not run yet"));
    EXPECT_THAT(text, HasSubstr("bursts   110.00 ± 0.00 n=2  120.00 ± 0.00 n=2"));
}

TEST(DescribeTablesTest, NamesCannotSteerTheTerminal) {
    ordered_json study = sample();
    study["tables"][0]["title"] = "\x1B[2J\ntitle";
    EXPECT_THAT(describe_tables(study), HasSubstr("\\x1b[2J\\ntitle\n"));
}

}  // namespace
}  // namespace polyformer::train
