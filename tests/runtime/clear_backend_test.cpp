// Plans of random models, run on plain vectors, against the exact interpreter.
#include "polyformer/runtime/clear/clear_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "polyformer/compile/compile.h"
#include "polyformer/support/error.h"
#include "tests/runtime/fixtures.h"

namespace polyformer::runtime {
namespace {

using compile::Positions;
using fixtures::Shape;
using fixtures::transformer_shape;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::string describe(const std::vector<Excursion>& excursions) {
    std::string text;
    for (const Excursion& e : excursions)
        text += fmt::format("{} of '{}': {} slots, {}\n", e.operation, e.step, e.slots, e.worst);
    return text;
}

class PlanOnVectors : public testing::TestWithParam<Shape> {};

TEST_P(PlanOnVectors, GivesTheInterpretersLogits) {
    const Shape& shape = GetParam();
    const model::Transformer model = model::random_model(shape.model);
    const model::Tensor text =
        model.embedding.embed(model::random_tokens(shape.model.context, shape.model.vocabulary, 99));
    for (const Positions positions : {Positions::all, Positions::last}) {
        const compile::Plan plan =
            compile::compile(model.graph, fixtures::plan_options(shape.ring_dimension, positions));
        const std::vector<double> exact = fixtures::exact_logits(model.graph, text, positions);

        ClearBackend exactly(plan.frame.parameters, plan.frame.packing, {.noise = false});
        EXPECT_LT(fixtures::largest_difference(fixtures::clear_logits(plan, exactly, text), exact), 1e-6);
        EXPECT_TRUE(exactly.excursions().empty()) << describe(exactly.excursions());

        ClearBackend noisily(plan.frame.parameters, plan.frame.packing);
        const double error = fixtures::largest_difference(fixtures::clear_logits(plan, noisily, text), exact);
        EXPECT_LT(error, 0.02);
        EXPECT_GT(error, 0);
    }
}

TEST(TokenFactors, GiveTheInterpretersLogitsWhereverTheyAreMultiplied) {
    const Shape shape{"", transformer_shape(2, 24, 3, 8, 40, 30), 2048};
    const model::Transformer model = model::random_model(shape.model);
    const model::Tensor text = model.embedding.embed(model::random_tokens(8, 30, 99));
    const std::vector<double> exact = fixtures::exact_logits(model.graph, text, Positions::all);
    const compile::PlanOptions options = fixtures::plan_options(shape.ring_dimension, Positions::all);
    std::vector<std::size_t> products;
    for (const auto place : {compile::TokenFactors::before_maps, compile::TokenFactors::behind_attention_maps,
                             compile::TokenFactors::behind_all_maps}) {
        const compile::Plan plan = compile::compile_cheapest(model.graph, options, std::array{place});
        ClearBackend backend(plan.frame.parameters, plan.frame.packing, {.noise = false});
        EXPECT_LT(fixtures::largest_difference(fixtures::clear_logits(plan, backend, text), exact), 1e-6);
        products.push_back(static_cast<std::size_t>(std::ranges::count_if(plan.steps, [](const compile::Step& step) {
            return std::holds_alternative<compile::MultiplyStep>(step.operation) &&
                   (step.name.ends_with("query") || step.name.ends_with("up"));
        })));
    }
    EXPECT_THAT(products, testing::ElementsAre(0, 2, 4));
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, PlanOnVectors,
    testing::Values(Shape{"small", transformer_shape(1, 32, 2, 8, 64, 50), 2048},
                    Shape{"three_heads_in_groups", transformer_shape(1, 96, 3, 48, 160, 100), 8192},
                    Shape{"two_blocks_of_scores", transformer_shape(1, 32, 2, 64, 40, 30), 4096},
                    Shape{"four_blocks_of_scores", transformer_shape(1, 16, 2, 64, 40, 30), 2048},
                    Shape{"odd_head_width", transformer_shape(2, 36, 3, 13, 40, 70), 2048},
                    Shape{"wider_than_a_ciphertext", transformer_shape(1, 80, 4, 16, 200, 300), 2048},
                    Shape{"one_head_three_layers", transformer_shape(3, 16, 1, 32, 24, 20), 4096},
                    Shape{"lanes_beyond_the_tokens", transformer_shape(1, 32, 1, 4, 32, 10), 2048}),
    [](const auto& test) { return std::string(test.param.name); });

/// Steps by hand, in a ring of 1024 slots with 8 rows.
class ClearSteps : public testing::Test {
  protected:
    ckks::Parameters parameters_ = ckks::Parameters::create(ckks::presets::insecure_bootstrapping(2048));
    compile::Packing packing_{1024, 8, 128};
    ClearBackend backend_{parameters_, packing_};
    ClearBackend exact_{parameters_, packing_, {.noise = false}};
    std::vector<double> half_ = std::vector<double>(1024, 0.5);

    static double deviation(const ClearValue& value, double expected) {
        double sum = 0;
        for (const double slot : value.slots) sum += (slot - expected) * (slot - expected);
        return std::sqrt(sum / static_cast<double>(value.slots.size()));
    }
};

TEST_F(ClearSteps, AddsTheNoiseThatItReports) {
    ClearValue value = backend_.encrypt(half_, 10);
    EXPECT_GT(value.noise, 0);
    for (int i = 0; i < 3; ++i) value = backend_.multiply(value, value);
    EXPECT_EQ(value.level, 7);
    EXPECT_NEAR(deviation(value, 0.5 * 0.5 * 0.5 * 0.5 * 0.5 * 0.5 * 0.5 * 0.5) / value.noise, 1, 0.5);
    const ClearValue fresh = backend_.bootstrap(std::vector{value}).front();
    EXPECT_EQ(fresh.level, parameters_.working_level());
    EXPECT_NEAR(deviation(fresh, 0.00390625) / 0x1p-22, 1, 0.2);
}

TEST_F(ClearSteps, ASquaresNoiseIsThatOfOneFactorTwice) {
    ClearValue value = backend_.encrypt(half_, 10);
    for (int i = 0; i < 3; ++i) value = backend_.square(value);
    EXPECT_EQ(value.level, 7);
    EXPECT_NEAR(deviation(value, std::pow(0.5, 8)) / value.noise, 1, 0.1);
    const ClearValue exact = exact_.encrypt(half_, 10);
    EXPECT_EQ(exact_.square(exact).slots, exact_.multiply(exact, exact).slots);
    EXPECT_EQ(exact_.square(exact).scale, exact_.multiply(exact, exact).scale);
}

TEST_F(ClearSteps, GivesTheSameNoiseForTheSameSeed) {
    ClearBackend other(parameters_, packing_);
    EXPECT_EQ(backend_.encrypt(half_, 5).slots, other.encrypt(half_, 5).slots);
    ClearBackend seeded(parameters_, packing_, {.seed = 2});
    EXPECT_NE(backend_.encrypt(half_, 5).slots, seeded.encrypt(half_, 5).slots);
}

TEST_F(ClearSteps, RefusesWhatCiphertextsWouldRefuse) {
    const ClearValue low = exact_.encrypt(half_, 0);
    const ClearValue high = exact_.encrypt(half_, 4);
    EXPECT_THAT([&] { exact_.multiply(low, low); }, ThrowsMessage<Error>(HasSubstr("level 0")));
    EXPECT_THAT([&] { exact_.square(low); }, ThrowsMessage<Error>(HasSubstr("level 0")));
    EXPECT_THAT([&] { exact_.add(low, high); }, ThrowsMessage<Error>(HasSubstr("level 4")));
    EXPECT_THAT([&] { exact_.adjust(low, 1); }, ThrowsMessage<Error>(HasSubstr("bootstrap")));
    EXPECT_THAT([&] { exact_.bootstrap(std::vector{low}); }, ThrowsMessage<Error>(HasSubstr("needs 2")));
    EXPECT_THROW(exact_.polynomial({{}, {}, {{0, 0, 0, 0, 0, 1}, {}}}, std::vector{exact_.encrypt(half_, 2)}), Error);
    ClearValue odd = high;
    odd.scale *= 1.5;
    EXPECT_THAT([&] { exact_.multiply(high, odd); }, ThrowsMessage<Error>(HasSubstr("scale")));
    half_[3] = std::numeric_limits<double>::infinity();
    EXPECT_THROW(exact_.encrypt(half_, 3), Error);
}

TEST_F(ClearSteps, RecordsSlotsOutsideTheUnitInterval) {
    half_[7] = -1.5;
    half_[9] = 1.25;
    exact_.begin_step({"somewhere", compile::BootstrapStep{}, 3, 18, 0});
    exact_.bootstrap(std::vector{exact_.encrypt(half_, 3)});
    ASSERT_EQ(exact_.excursions().size(), 1U);
    EXPECT_EQ(exact_.excursions()[0].step, "somewhere");
    EXPECT_EQ(exact_.excursions()[0].operation, "bootstrap");
    EXPECT_EQ(exact_.excursions()[0].slots, 2U);
    EXPECT_DOUBLE_EQ(exact_.excursions()[0].worst, 1.5);
    ClearValue odd = exact_.encrypt(half_, 3);
    odd.slots[8] = std::numeric_limits<double>::quiet_NaN();
    exact_.bootstrap(std::vector{odd});
    EXPECT_EQ(exact_.excursions()[0].slots, 5U);
    EXPECT_TRUE(std::isnan(exact_.excursions()[0].worst));
}

}  // namespace
}  // namespace polyformer::runtime
