#include "polyformer/substitution/import_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polyformer::substitution {
namespace {

using testing::HasSubstr;

/// One function, whose name could end the element that holds the data.
nlohmann::ordered_json report() {
    static SiteStatistics seen = [] {
        SiteStatistics site{.name = "norm</script>",
                            .function = "inverse_sqrt",
                            .coordinate = Coordinate::logarithm,
                            .texts = {{-1, 0.5}, {-0.25, 1}}};
        for (const double x : {-1.0, -0.25, 0.5, 1.0}) site.histogram.add(x);
        return site;
    }();
    Findings findings{.budget = 0.002,
                      .output = {.loss = {0.001, 0.01}},
                      .escape = 1.0 / 4096,
                      .sample_texts = 777,
                      .held_out_texts = 55,
                      .heads = {{.attention = "weights", .head = 3, .constant = true, .loss = 0.0001}},
                      .sites = {{.seen = &seen,
                                 .interval = {{0.2, 5}, 1e-6},
                                 .fit = fit_site(seen, {0.2, 5}, 15),
                                 .options = {{7, 0.5, 1}, {15, 0.001, 2}},
                                 .pick = 1}},
                      .starts = {{"wide", {{0.125, 512}, 1e-7}, 31}}};
    return to_json(findings);
}

TEST(ImportReport, SaysWhatEachSiteCostsAndLoses) {
    const nlohmann::ordered_json json = report();
    const auto& site = json["sites"][0];
    EXPECT_EQ(site["degree"], 15);
    EXPECT_EQ(site["depth"], 4);
    EXPECT_DOUBLE_EQ(site["seen"][1].get<double>(), std::exp(1.0));
    EXPECT_EQ(site["tried"].size(), 2U);
    EXPECT_LT(site["mean_error"].get<double>(), site["largest_error"].get<double>());
    double largest = 0;
    for (const auto& error : site["curve"]["error"]) largest = std::max(largest, std::abs(error.get<double>()));
    EXPECT_LE(largest, site["largest_error"].get<double>() * 1.01);
    EXPECT_GT(largest, 0);
}

TEST(ImportReport, TableForTheTerminal) {
    const std::string text = describe(report());
    EXPECT_THAT(text, HasSubstr("norm</script>"));
    EXPECT_THAT(text, HasSubstr("1 in 4.1e+03 texts"));
    EXPECT_THAT(text, HasSubstr("777 texts"));
    EXPECT_THAT(text, HasSubstr("head 3 of weights"));
    EXPECT_THAT(text, HasSubstr("wide got a first polynomial, of degree 31 on 0.125 .. 512"));
}

TEST(ImportReport, PageHoldsTheDataAndNothingEndsIt) {
    const std::string page = render_page(report());
    const std::string opening = "<script type=\"application/json\" id=\"import\">";
    const std::size_t start = page.find(opening);
    ASSERT_NE(start, std::string::npos);
    const std::size_t end = page.find("</script>", start);
    const std::string data = page.substr(start + opening.size(), end - start - opening.size());
    EXPECT_EQ(nlohmann::ordered_json::parse(data), report());
    EXPECT_EQ(page.find("IMPORT_JSON</script>"), std::string::npos);
}

}  // namespace
}  // namespace polyformer::substitution
