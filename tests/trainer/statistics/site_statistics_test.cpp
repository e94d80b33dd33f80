#include "polyformer/trainer/statistics/site_statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "polyformer/trainer/batches/batches.h"

namespace polyformer::train {
namespace {

Site site(SiteKind kind, double lower, double upper) {
    return {.name = "site", .kind = kind, .function = "gelu", .lower = lower, .upper = upper};
}

TEST(RangeTable, CollectsOverBatches) {
    const std::vector<Site> sites = {site(SiteKind::variance, 1, 4)};
    RangeTable table;
    table.add(sites, {torch::tensor({{{1.0}, {4.0}}})});
    table.add(sites, {torch::tensor({{{16.0}, {1.0}}})});
    const SeenRange seen = table.rows()[0];
    EXPECT_EQ(seen.smallest, 1);
    EXPECT_EQ(seen.largest, 16);
    EXPECT_EQ(seen.outside, 1);
    EXPECT_EQ(seen.values, 4);
    EXPECT_NEAR(std::exp(seen.mean_log), std::pow(64, 0.25), 1e-5);
    EXPECT_TRUE(seen.histogram.counts.empty());
    EXPECT_NE(table.text(sites).find("2.50e-01"), std::string::npos) << table.text(sites);
}

TEST(RangeTable, HistogramsHoldEveryValueInItsBin) {
    const std::vector<Site> sites = {site(SiteKind::hidden, -1, 1), site(SiteKind::variance, 1, 4)};
    RangeTable table(Histograms::collect);
    table.add(sites, {torch::tensor({{{-0.5, 0.26, 0.27, 2.0}}}), torch::tensor({{{0.01}, {10.0}}})});
    table.add(sites, {torch::tensor({{{0.28, 0.9, -0.49, 0.0}}}), torch::tensor({{{0.011}, {9.9}}})});
    for (const SeenRange& row : table.rows()) {
        const approx::Histogram& histogram = row.histogram;
        approx::validate(histogram);
        EXPECT_EQ(std::accumulate(histogram.counts.begin(), histogram.counts.end(), 0.0), row.values);
        EXPECT_LE(histogram.edges.front(), row.smallest + 1e-6);
        EXPECT_GE(histogram.edges.back(), row.largest - 1e-6);
        EXPECT_GT(histogram.counts.front(), 0);
        EXPECT_GT(histogram.counts.back(), 0);
    }
    const approx::Histogram hidden = table.rows()[0].histogram;
    EXPECT_NEAR(hidden.edges.front(), -0.5, 1e-12);
    EXPECT_EQ(hidden.counts[24], 3);  // [0.25, 0.28125)
    const auto json = to_json(sites, table);
    EXPECT_LE(json[0]["histogram"]["counts"].size(), 48U);
    EXPECT_NEAR(json[1]["quantiles"]["0.5"].get<double>(), 0.011, 5e-4);
}

TEST(RangeTable, OutermostBinsReachAsFarAsAnythingWasSeen) {
    const std::vector<Site> sites = {site(SiteKind::scores, -1, 1)};
    RangeTable table(Histograms::collect);
    table.add(sites, {torch::tensor({{{-300.0, -1.0, 2.0, 200.0}}})});
    const approx::Histogram histogram = table.rows()[0].histogram;
    approx::validate(histogram);
    EXPECT_EQ(histogram.edges.front(), -300);
    EXPECT_EQ(histogram.edges.back(), 200);
    EXPECT_EQ(histogram.counts.front(), 1);
    EXPECT_EQ(histogram.counts.back(), 1);
}

TEST(Excursion, IsAShareOfTheWidth) {
    EXPECT_EQ(excursion(SiteKind::hidden, -2, 2, -1, 1.5), 0);
    EXPECT_DOUBLE_EQ(excursion(SiteKind::hidden, -2, 2, -3, 4), 0.5);
    EXPECT_DOUBLE_EQ(excursion(SiteKind::variance, 1, 4, 0.5, 2), 0.5);
    EXPECT_TRUE(std::isinf(excursion(SiteKind::variance, 1, 4, 0, 2)));
    EXPECT_TRUE(std::isinf(excursion(SiteKind::hidden, 1, 4, 0, std::numeric_limits<double>::quiet_NaN())));
}

}  // namespace
}  // namespace polyformer::train
