#include "polyformer/trainer/network/transformer.h"

#include <gtest/gtest.h>

#include "polyformer/model/interpreter/operations.h"
#include "polyformer/support/error.h"
#include "polyformer/trainer/sites/polynomial_function.h"
#include "tests/trainer/toy.h"

namespace polyformer::train {
namespace {

TEST(Transformer, LooksBackOnly) {
    Transformer model = toy_model(1);
    model->eval();
    const torch::Tensor tokens = torch::tensor({{1, 2, 3, 4, 5, 6, 7, 8}});
    torch::Tensor changed = tokens.clone();
    changed[0][5] = 11;
    const torch::Tensor difference = (model->forward(tokens) - model->forward(changed)).abs().amax(-1)[0];
    EXPECT_LT(difference.slice(0, 0, 5).max().item<float>(), 1e-6F);
    EXPECT_GT(difference[5].item<float>(), 1e-3F);
    EXPECT_GT(difference[7].item<float>(), 1e-6F);
}

TEST(Transformer, RecordsWhatEntersEachSite) {
    Transformer model = toy_model(1);
    std::vector<torch::Tensor> inputs;
    model->forward(torch::ones({3, 6}, torch::kInt64), &inputs);
    ASSERT_EQ(inputs.size(), model->sites.size());
    ASSERT_EQ(inputs.size(), 5U);
    EXPECT_EQ(model->sites[1].name, "layers.0.attention.activation");
    EXPECT_EQ(inputs[0].sizes(), (std::vector<std::int64_t>{3, 6, 1}));
    EXPECT_EQ(inputs[1].sizes(), (std::vector<std::int64_t>{3, 2, 6, 6}));
    EXPECT_EQ(inputs[3].sizes(), (std::vector<std::int64_t>{3, 6, 32}));
}

TEST(Transformer, ClampsPolynomialsWhileTrainingOnly) {
    Transformer model = toy_model(1);
    const torch::Tensor tokens = torch::tensor({{1, 2, 3, 4, 5, 6, 7, 8}});
    std::vector<torch::Tensor> inputs;
    model->forward(tokens, &inputs);
    // An interval that every pre-activation lies above: clamped, the feed-forward part gives a constant.
    const double below = inputs[3].min().item<double>() - 1;
    model->sites[3].polynomial = model::Polynomial{below - 1, below, {0.5, 1}};
    const auto hidden_part = [&] {
        std::vector<torch::Tensor> seen;
        const torch::Tensor logits = model->forward(tokens, &seen);
        EXPECT_TRUE(torch::equal(seen[3], inputs[3]));  // the penalty sees what came, not what was read
        return logits;
    };
    model->train();
    const torch::Tensor training = hidden_part();
    model->sites[3].polynomial = model::Polynomial{below - 1, below, {1.5}};  // what the other is at its upper end
    EXPECT_TRUE(torch::allclose(training, hidden_part()));
    model->eval();
    model->sites[3].polynomial = model::Polynomial{below - 1, below, {0.5, 1}};
    EXPECT_FALSE(torch::allclose(training, hidden_part()));
}

TEST(Transformer, RefusesMoreTokensThanItsContext) {
    Transformer model = toy_model(1);
    EXPECT_THROW(model->forward(torch::ones({1, 9}, torch::kInt64)), Error);
}

TEST(EvaluatePolynomial, EqualsTheInterpretersAndHasItsGradient) {
    const model::Polynomial polynomial{-1.5, 4, {0.3, -1, 0.25, 0.5, -0.125, 2}};
    const torch::Tensor x = torch::linspace(-2, 5, 131, torch::kFloat64).requires_grad_();  // two blocks and a rest
    const torch::Tensor y = evaluate_polynomial(polynomial, x);
    y.sum().backward();
    constexpr double step = 1e-5;
    for (std::int64_t i = 0; i < x.size(0); ++i) {
        const auto at = x[i].item<double>();
        EXPECT_NEAR(y[i].item<double>(), model::evaluate_polynomial(polynomial, at), 1e-12);
        const double slope =
            (model::evaluate_polynomial(polynomial, at + step) - model::evaluate_polynomial(polynomial, at - step)) /
            (2 * step);
        EXPECT_NEAR(x.grad()[i].item<double>(), slope, 1e-6 * (1 + std::abs(slope)));
    }
}

}  // namespace
}  // namespace polyformer::train
