// Plans of random models, run on plain vectors, against the exact interpreter.
#include "runtime/clear_backend.h"

#include <gtest/gtest.h>

#include "fixtures.h"
#include "support/error.h"

namespace polyformer::runtime {
namespace {

using compile::Positions;
using fixtures::model_options;
using fixtures::Shape;

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

        ClearBackend exactly(plan.parameters, plan.packing, {.noise = false});
        EXPECT_LT(fixtures::largest_difference(fixtures::clear_logits(plan, exactly, text), exact), 1e-6);
        EXPECT_TRUE(exactly.excursions().empty()) << describe(exactly.excursions());

        ClearBackend noisily(plan.parameters, plan.packing);
        const double error = fixtures::largest_difference(fixtures::clear_logits(plan, noisily, text), exact);
        EXPECT_LT(error, 0.02);
        EXPECT_GT(error, 0);
    }
}

INSTANTIATE_TEST_SUITE_P(Shapes, PlanOnVectors,
                         testing::Values(Shape{"small", model_options(1, 32, 2, 8, 64, 50), 2048},
                                         Shape{"three_heads_in_groups_and_blocks",
                                               model_options(1, 96, 3, 48, 160, 100), 8192},
                                         Shape{"odd_head_width", model_options(2, 36, 3, 13, 40, 70), 2048},
                                         Shape{"wider_than_a_ciphertext", model_options(1, 80, 4, 16, 200, 300), 2048},
                                         Shape{"one_head_three_layers", model_options(3, 16, 1, 32, 24, 20), 4096},
                                         Shape{"lanes_beyond_the_tokens", model_options(1, 32, 1, 4, 32, 10), 2048}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace polyformer::runtime
