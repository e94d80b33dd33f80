#include "train/convert.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model/interpreter.h"
#include "model/reference.h"
#include "support/error.h"
#include "toy.h"

namespace polyformer::train {
namespace {

// The largest |difference| between LibTorch's logits and (T, vocabulary) of ours.
double difference(const torch::Tensor& logits, const model::Tensor& ours) {
    double largest = 0;
    for (std::size_t t = 0; t < ours.rows; ++t) {
        for (std::size_t j = 0; j < ours.columns; ++j) {
            const auto theirs = logits[0][static_cast<std::int64_t>(t)][static_cast<std::int64_t>(j)].item<double>();
            largest = std::max(largest, std::abs(theirs - ours.at(t, j)));
        }
    }
    return largest;
}

TEST(Convert, ExportedGraphEqualsLibTorchBeforeAndAfterSubstitution) {
    for (const LengthScale scale : {LengthScale::position_root, LengthScale::context_root}) {
        Architecture shape = toy_architecture();
        shape.layers = 2;
        shape.length_scale = scale;
        torch::manual_seed(5);
        Transformer model(shape);
        Batches batches(toy_text(2000), shape.context, 4, 3);
        const torch::Tensor tokens = torch::tensor({{3, 1, 4, 1, 5, 9, 2, 6}});
        const torch::Tensor exact = model->forward(tokens);
        substitute(model->sites, measure_ranges(model, batches, 20), Substitution{});
        const torch::Tensor polynomial = model->forward(tokens);
        ASSERT_GT((exact - polynomial).abs().max().item<double>(), 1e-6);  // else there would be nothing to tell apart

        const model::Transformer converted = model::build_transformer(export_weights(model), export_polynomials(model));
        const model::Tensor embedded = converted.embedding.embed(std::vector<std::int32_t>{3, 1, 4, 1, 5, 9, 2, 6});
        EXPECT_LT(difference(polynomial, model::evaluate(converted.graph, embedded).logits), 1e-4);
        EXPECT_LT(difference(exact, model::evaluate_exact(converted.graph, embedded)), 1e-4);
    }
}

TEST(Convert, IntervalsAreWhatWasSeenAndTheMargin) {
    Transformer model = toy_model(1);
    Batches batches(toy_text(2000), 8, 4, 3);
    const RangeTable seen = measure_ranges(model, batches, 20);
    substitute(model->sites, seen, {.scores_degree = 7, .hidden_degree = 5, .inverse_sqrt_degree = 3, .margin = 0.5});
    const SeenRange& scores = seen.rows()[1];
    EXPECT_EQ(model->sites[1].lower, scores.smallest);
    EXPECT_NEAR(model->sites[1].polynomial->lower, scores.smallest - (scores.largest - scores.smallest) / 2, 1e-12);
    EXPECT_LE(model->sites[1].polynomial->coefficients.size(), 8U);
    const SeenRange& variance = seen.rows()[0];
    EXPECT_NEAR(model->sites[0].polynomial->upper, variance.largest * std::sqrt(variance.largest / variance.smallest),
                1e-6 * variance.largest);
    EXPECT_GT(model->sites[0].polynomial->lower, 0);
}

TEST(Convert, NeedsPolynomials) {
    EXPECT_THROW(export_polynomials(toy_model(1)), Error);
}

}  // namespace
}  // namespace polyformer::train
