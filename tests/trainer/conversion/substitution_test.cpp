#include "polyformer/trainer/conversion/substitution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

#include "polyformer/approx/numerics/chebyshev_polynomial.h"
#include "polyformer/support/error.h"
#include "polyformer/trainer/batches/batches.h"
#include "polyformer/trainer/conversion/export.h"
#include "tests/trainer/toy.h"

namespace polyformer::train {
namespace {

using testing::HasSubstr;

struct Fixture {
    Transformer model = toy_model(1);
    Batches batches{toy_prepared(2000), 8, 4, 3};
    RangeTable seen = measure_ranges(*model, batches, {.steps = 20, .histograms = Histograms::collect});
    std::vector<Batch> blocks = {batches.at(0), batches.at(1)};
};

TEST(Substitute, IntervalsAreWhatWasSeenAndTheMargin) {
    Fixture toy;
    substitute(*toy.model, toy.seen, {.margin = 0.5, .scores_degree = 7, .hidden_degree = 5, .inverse_sqrt_degree = 3},
               toy.blocks);
    const std::vector<SeenRange> rows = toy.seen.rows();
    const std::vector<Site>& sites = toy.model->sites;
    EXPECT_EQ(sites[1].lower, rows[1].smallest);
    EXPECT_NEAR(sites[1].polynomial->lower, rows[1].smallest - (rows[1].largest - rows[1].smallest) / 2, 1e-12);
    EXPECT_LE(sites[1].polynomial->coefficients.size(), 8U);
    EXPECT_NEAR(sites[0].polynomial->upper, rows[0].largest * std::sqrt(rows[0].largest / rows[0].smallest),
                1e-6 * rows[0].largest);
    EXPECT_GT(sites[0].polynomial->lower, 0);
}

TEST(Substitute, ClampedPolynomialsKeepOneExcursionFromSpreading) {
    Fixture toy;
    substitute(*toy.model, toy.seen, Substitution{}, toy.blocks);
    model::Polynomial& polynomial = *toy.model->sites[3].polynomial;  // of the first feed-forward part
    polynomial.lower /= 1000;
    polynomial.upper /= 1000;
    const auto last_variance = [&](bool clamped) {
        return measure_ranges(*toy.model, toy.batches, {.steps = 2, .clamped = clamped}).rows().back().largest;
    };
    EXPECT_FALSE(last_variance(false) < 1e12);  // or no number at all
    EXPECT_LT(last_variance(true), 1e3);
    EXPECT_FALSE(toy.model->clamped);
}

TEST(Substitute, LogsEverySite) {
    Fixture toy;
    const SubstitutionLog log = substitute(*toy.model, toy.seen, Substitution{}, toy.blocks);
    ASSERT_EQ(log["substitution"].size(), toy.model->sites.size());
    for (std::size_t i = 0; i < toy.model->sites.size(); ++i) {
        const auto& entry = log["substitution"][i];
        EXPECT_EQ(entry["site"], toy.model->sites[i].name);
        EXPECT_EQ(entry["depth"], 4U);
        EXPECT_GT(entry["max_error"], 0);
        EXPECT_LE(entry["mean_error"], entry["max_error"]);
        for (const auto& error : entry["curve"]["error"]) {
            EXPECT_LE(std::abs(error.get<double>()), 1.05 * entry["max_error"].get<double>());
        }
        EXPECT_LT(std::abs(entry["loss_change"].get<double>()), 0.1);
    }
    EXPECT_EQ(log["depth"]["total"], 20U);
}

TEST(Substitute, JointDegreesKeepToTheBudget) {
    Fixture toy;
    const SubstitutionLog log =
        substitute(*toy.model, toy.seen, {.attention_depth = 6, .feed_forward_depth = 9}, toy.blocks);
    const auto& entries = log["substitution"];
    EXPECT_LE(entries[0]["depth"].get<int>() + entries[1]["depth"].get<int>(), 6);
    EXPECT_LE(entries[2]["depth"].get<int>() + entries[3]["depth"].get<int>(), 9);
    EXPECT_EQ(entries[4]["depth"], 4U);  // the final norm belongs to no half
    EXPECT_EQ(log["degree_search"].size(), 4U * 5);
    EXPECT_THROW(substitute(*toy.model, toy.seen, {.attention_depth = 3}, toy.blocks), Error);
}

TEST(Substitute, EveryMethodServes) {
    std::map<std::string, double> mean_errors;
    for (const char* method : approximation_methods) {
        Fixture toy;
        const SubstitutionLog log = substitute(*toy.model, toy.seen, {.method = method}, toy.blocks);
        for (const auto& entry : log["substitution"]) {
            EXPECT_EQ(entry["method"], method);
            EXPECT_LE(entry["mean_error"], entry["max_error"]) << method;
            mean_errors[method] += entry["mean_error"].get<double>();
        }
    }
    EXPECT_LT(mean_errors["weighted_least_squares"], mean_errors["minimax"]);
    EXPECT_LT(mean_errors["weighted_least_squares"], mean_errors["chebyshev"]);
}

TEST(TargetRanges, SingleSitesOverrideTheirKind) {
    Fixture toy;
    TargetRanges targets{.scores = 3};
    targets.sites["layers.0.feed_forward.activation"] = {-1, 5};
    set_target_ranges(toy.model->sites, toy.seen, targets);
    EXPECT_EQ(toy.model->sites[1].upper, 3);
    EXPECT_EQ(toy.model->sites[3].lower, -1);
    EXPECT_EQ(toy.model->sites[3].upper, 5);
    targets.sites["layers.7.feed_forward.activation"] = {-1, 5};
    try {
        set_target_ranges(toy.model->sites, toy.seen, targets);
        FAIL() << "a site that is not there went unnoticed";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("layers.0.feed_forward.activation"));
    }
}

TEST(Export, NeedsPolynomials) {
    EXPECT_THROW(export_polynomials(*toy_model(1)), Error);
}

}  // namespace
}  // namespace polyformer::train
