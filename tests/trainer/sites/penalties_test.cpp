#include "polyformer/trainer/sites/penalties.h"

#include <gtest/gtest.h>

#include <cmath>

namespace polyformer::train {
namespace {

Site site(SiteKind kind, double lower, double upper) {
    return {.name = "site", .kind = kind, .function = "gelu", .lower = lower, .upper = upper};
}

TEST(RangePenalty, SumsSquaredExcessPerToken) {
    const std::vector<Site> sites = {site(SiteKind::hidden, -1, 2)};
    // (B, T, C) = (1, 2, 3): excesses 0, 3, 1 and 0, 0, 2.
    const std::vector<torch::Tensor> inputs = {torch::tensor({{{0.5, 5.0, -2.0}, {2.0, -1.0, 4.0}}})};
    EXPECT_NEAR(range_penalty(sites, inputs).item<double>(), (9.0 + 1 + 4) / 2, 1e-6);
}

TEST(RangePenalty, GradientIsTwiceTheExcessPerToken) {
    const std::vector<Site> sites = {site(SiteKind::hidden, -1, 2)};
    const torch::Tensor x = torch::tensor({{{0.5, 5.0, -2.0}, {2.0, -1.0, 4.0}}});
    const torch::Tensor expected = torch::tensor({{{0.0, 3.0, -1.0}, {0.0, 0.0, 2.0}}});
    for (const auto type : {torch::kFloat32, torch::kBFloat16, torch::kFloat64}) {
        const torch::Tensor input = x.to(type).clone().set_requires_grad(true);
        (5 * range_penalty(sites, {input})).backward();
        EXPECT_EQ(input.grad().scalar_type(), type);
        EXPECT_TRUE(torch::allclose(input.grad().to(torch::kFloat32), 5 * expected)) << input.grad();
    }
}

TEST(RangePenalty, LongTensorsInAnyOrderAgreeWithAutograd) {
    const std::vector<Site> sites = {site(SiteKind::hidden, -0.5, 1)};
    const torch::Tensor x = torch::randn({3, 117, 41});
    for (const bool transposed : {false, true}) {
        const torch::Tensor a = x.clone().set_requires_grad(true);
        const torch::Tensor b = x.clone().set_requires_grad(true);
        const torch::Tensor seen = transposed ? a.transpose(1, 2) : a;
        const torch::Tensor penalty = range_penalty(sites, {seen});
        const torch::Tensor plain = (b - b.clamp(-0.5, 1)).square().sum() / (3 * (transposed ? 41 : 117));
        EXPECT_NEAR(penalty.item<double>(), plain.item<double>(), 1e-4 * plain.item<double>());
        penalty.backward();
        plain.backward();
        EXPECT_TRUE(torch::allclose(a.grad(), b.grad()));
    }
}

TEST(VariancePenalty, SpreadAndWhatLiesOutsideInLogarithms) {
    const std::vector<Site> sites = {site(SiteKind::variance, 1, 4), site(SiteKind::hidden, 0, 1)};
    // (1, 4, 1): in octaves 3, 1, −1, −1, of which 1, 0, 1, 1 outside; mean 0.5, squared deviations 11 together.
    const std::vector<torch::Tensor> inputs = {torch::tensor({{{8.0}, {2.0}, {0.5}, {0.5}}}),
                                               torch::full({1, 4, 1}, 9)};
    const double octave = std::log(2.0);
    EXPECT_NEAR(variance_penalty(sites, inputs).item<double>(), (11.0 / 3 + 3.0 / 4) * octave * octave, 1e-5);
    EXPECT_NEAR(range_penalty({sites[0]}, {inputs[0]}).item<double>(), 0, 1e-9);
}

TEST(VariancePenalty, IsZeroForEqualVariancesAndScaleFree) {
    const std::vector<Site> sites = {site(SiteKind::variance, 1e-3, 1e3), site(SiteKind::hidden, 0, 1)};
    const torch::Tensor spread = torch::tensor({{{1.0}, {std::exp(2.0)}}});
    const torch::Tensor ignored = torch::tensor({{{100.0}}});
    EXPECT_NEAR(variance_penalty(sites, {torch::full({1, 4, 1}, 7.0), ignored}).item<double>(), 0, 1e-9);
    EXPECT_NEAR(variance_penalty(sites, {spread, ignored}).item<double>(), 2, 1e-5);  // of 0 and 2, unbiased
    EXPECT_NEAR(variance_penalty(sites, {spread * 10, ignored}).item<double>(), 2, 1e-5);
}

TEST(EmbeddingPenalty, CountsEveryTokenAlike) {
    const Site first = site(SiteKind::variance, 1, 4);
    // Rows of variances 1, 16, 0.25 and 4 once the mean position (1, −1) is added.
    const torch::Tensor tokens = torch::tensor({{0.0, 0.0}, {3.0, -3.0}, {-0.5, 0.5}, {-3.0, 3.0}});
    const torch::Tensor positions = torch::tensor({{2.0, -2.0}, {0.0, 0.0}});
    const double octave = std::log(2.0);
    EXPECT_NEAR(embedding_penalty(first, tokens, positions, true).item<double>(), 8 * octave * octave / 4, 1e-6);
    // A constant is nothing to a LayerNorm, but something to an RMSNorm.
    EXPECT_NEAR(embedding_penalty(first, tokens + 100, positions, true).item<double>(), 8 * octave * octave / 4, 1e-4);
    EXPECT_GT(embedding_penalty(first, tokens + 100, positions, false).item<double>(), 10);
}

TEST(VariancePenalty, IsNothingWithoutNorms) {
    const std::vector<Site> sites = {site(SiteKind::hidden, 0, 1)};
    EXPECT_EQ(variance_penalty(sites, {torch::ones({1, 2, 3})}).item<double>(), 0);
}

}  // namespace
}  // namespace polyformer::train
